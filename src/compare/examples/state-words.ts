/** Lower-case words that answers use for a state or a choice, so that an example may show them. Names of people are not among them. */
const WORDS = new Set(
  (
    'true false yes no on off none null unknown ok error errors failed failure fail success successful warning info debug active inactive enabled ' +
    'disabled pending queued running started starting stopped stopping paused done finished complete completed incomplete cancelled canceled ' +
    'open opened closed locked unlocked new old draft published archived deleted created updated modified unchanged changed added removed ' +
    'paid unpaid refunded charged authorized captured declined rejected accepted approved denied expired valid invalid verified unverified ' +
    'shipped delivered returned processing processed ready waiting available unavailable online offline healthy unhealthy degraded up down ' +
    'low medium high critical normal default custom basic standard premium free public private internal external read write asc desc ' +
    'get post put patch delete head options http https json xml text html csv string number integer boolean object array'
  ).split(' '),
);

const CONSTANT = /^[A-Z]{2,}(?:_[A-Z]+){0,4}$/;
const MAX_LENGTH = 24;

/** Whether a text is a short word out of a list, such as `PAID`, `IN_PROGRESS` or `pending`: nobody's name, and no secret. */
export function isStateWord(text: string): boolean {
  return text.length <= MAX_LENGTH && (CONSTANT.test(text) || WORDS.has(text) || text.split(/[-_ ]/).every((word) => WORDS.has(word)));
}
