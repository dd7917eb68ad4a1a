/** What a text looks like, told by its form alone. All patterns are linear, and are asked of short texts. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const E_MAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}\.[^\s@<>".]{2,24}$/;
/** Dates and times of RFC 3339 and ISO 8601, and of RFC 9110 section 5.6.7. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?$/i;
const HTTP_TIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w{0,6},? \d\d[ -]\w{3}[ -]\d{2,4} .{5,20}$/;
const JWT = /^e[yw][\w-]{4,}\.[\w-]{4,}\.[\w-]*$/;
const URL_START = /^[a-z][a-z0-9+.-]{1,15}:\/\//i;
const IP_ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})$/i;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY/;
const CREDENTIALS = /^(?:Bearer|Basic|Digest|Negotiate|AWS4-HMAC-SHA256) /i;
/** Words that some issuers begin their keys with. */
const KEY_PREFIX = /^(?:[srp]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|AIza|ya29\.|npm_|dop_v1_|shpat_|SG\.)[\w.-]{8,}/;
const TOKEN_CHARACTERS = /^[\w\-+/=.~]+$/;

/** Longer texts are told by their beginning. */
export const LOOKED_AT = 256;

/** @returns what it is for people, such as `uuid`, where it would say whose it is or open something; null for other texts */
export function kindOf(text: string): string | null {
  if (text.length > 2 * LOOKED_AT) return isSecret(text.slice(0, LOOKED_AT)) ? 'token' : null;
  if (UUID.test(text)) return 'uuid';
  if (ISO_TIME.test(text) || HTTP_TIME.test(text)) return 'time';
  if (JWT.test(text)) return 'JWT';
  if (isCardNumber(text)) return 'card number';
  if (E_MAIL.test(text)) return 'e-mail address';
  if (isSecret(text)) return 'token';
  if (URL_START.test(text)) return 'URL';
  if (IP_ADDRESS.test(text)) return 'IP address';
  return null;
}

/** Whether a text of this kind is for nobody to see. */
export function isSecretKind(kind: string): boolean {
  return kind === 'JWT' || kind === 'token' || kind === 'card number';
}

function isSecret(text: string): boolean {
  return PRIVATE_KEY.test(text) || CREDENTIALS.test(text) || KEY_PREFIX.test(text) || isRandom(text) || JWT.test(text);
}

const MIN_RANDOM = 20;

/** Looks drawn by lot: no words, and letters, capitals and digits take turns as they do in no word. */
function isRandom(text: string): boolean {
  if (text.length < MIN_RANDOM || !TOKEN_CHARACTERS.test(text) || UUID.test(text)) return false;
  let turns = 0;
  let letters = 0;
  let run = 0;
  let longest = 0;
  for (let i = 0; i < text.length; i++) {
    const now = classOf(text.charCodeAt(i));
    const before = i === 0 ? 0 : classOf(text.charCodeAt(i - 1));
    if (now !== 0 && before !== 0 && now !== before && !(before === UPPER && now === LOWER)) turns += 1;
    if (now !== 0) letters += 1;
    run = now === 0 ? 0 : run + 1;
    if (run > longest) longest = run;
  }
  return turns * 8 >= letters && longest >= 10;
}

const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;

function classOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return LOWER;
  if (code >= 0x41 && code <= 0x5a) return UPPER;
  return code >= 0x30 && code <= 0x39 ? DIGIT : 0;
}

/** 13 to 19 digits with a right check digit (ISO/IEC 7812). */
export function isCardNumber(text: string): boolean {
  if (text.length < 13 || text.length > 25 || !/^[3-6]\d{3}(?:[ -]?\d){9,15}$/.test(text)) return false;
  let sum = 0;
  let isSecond = false;
  for (let i = text.length - 1; i >= 0; i--) {
    const code = text.charCodeAt(i);
    if (classOf(code) !== DIGIT) continue;
    const digit = (code - 0x30) * (isSecond ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
    isSecond = !isSecond;
  }
  return sum % 10 === 0;
}

/** A name of a member that is a value: an id, a date, an address. Objects with such names are maps. */
export function isValueLike(name: string): boolean {
  return /\d{5}|^[-+]?\d[\d.,:]*$/.test(name) || (name.length >= 4 && (/@|^[0-9a-f]{8,}$/i.test(name) || kindOf(name) !== null));
}

/** Anywhere in a name, and names as a whole. */
const SECRET_WORD =
  /pass(?:word|wd|phrase|code)|secret|token(?!s)|(?:api|access|private)[-_]?key|authori[sz]ation|authenticat|credential|cookie|session[-_]?id|csrf|xsrf/i;
const SECRET_NAME = /^(?:pwd|sid|otp|pin|cvv2?|cvc|ssn)$|signature|social[-_]?security|iban|card[-_]?n(?:o|um)/i;

/** A name whose value is for nobody to see. */
export function isSecretName(name: string): boolean {
  return SECRET_WORD.test(name) || SECRET_NAME.test(name);
}

/** `password=…`, `"token": "…"` */
const NAMED_SECRET = new RegExp(
  `((?:pass(?:word|wd)|pwd|secret|token|api[-_]?key|signature|sig|credential|session|code|otp)[\\w-]{0,20}["']?[ \\t]{0,4}[=:][ \\t]{0,4}["']?)` +
    `[^\\s&;,"'<>]+`,
  'gi',
);

/** @param text short, not cut within a word @returns the same without words that look secret */
export function withoutSecrets(text: string): string {
  return text
    .replace(NAMED_SECRET, '$1(hidden)')
    .replace(/\b(Bearer|Basic|Digest|Negotiate) +[\w\-+/=.~]+/gi, '$1 (hidden)')
    .replace(/[\w\-+/=.~]{20,}/g, (word) => word.split('/').map((part) => (isSecret(part) ? '(token)' : part)).join('/'))
    .replace(/[3-6](?:[ -]?\d){12,18}/g, (digits) => (isCardNumber(digits) ? '(card number)' : digits));
}
