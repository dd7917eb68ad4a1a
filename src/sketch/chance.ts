/** Letters that rarely follow another in names and words; two letters by chance are such a pair in two of five cases. */
const RARE_AFTER: Readonly<Record<string, string>> = {
  a: 'hjoq', b: 'bfhkmqvwx', c: 'bgjnqwxz', d: 'jkqxz', e: 'z', f: 'bhjkmpqvwxz', g: 'bjkqvwxyz', h: 'bcdfgjklnpqvwxz', i: 'hijkquwy',
  j: 'bcdfghijklmnpqrtvwxyz', k: 'fghjkmqrvwxyz', l: 'hjnqrwx', m: 'fghjqvwxyz', n: 'qwx', o: 'hjqz', p: 'bjmqvwxz', q: 'abcdefghijkmnopqrstvwxyz',
  r: 'hjqxz', s: 'jxz', t: 'gjqvxz', u: 'hjkquvwxyz', v: 'bcdfghjklnpqrstuvwxyz', w: 'bcfgjkmpqtuvwxyz', x: 'bfghjklnoqrsuvw', y: 'cdfghjkqruvwxyz',
  z: 'bdfghjknpqrtuvwxyz',
};
const RARE = new Uint8Array(26 * 26);
for (const [first, seconds] of Object.entries(RARE_AFTER)) for (const second of seconds) RARE[pairOf(first.charCodeAt(0), second.charCodeAt(0))] = 1;

const LEAST = 10;
/** One oddity in so many letters and digits is more than words have. */
const SPAN = 6;

const OTHER = 0;
const DIGIT = 1;
const LOWER = 2;
const UPPER = 3;

/**
 * Whether a text looks made by chance, as secrets are, and not by people: pairs of letters that words do not have, letters and
 * digits in turns, capitals anywhere. Of tokens with 80 bits in them at most one in a hundred is taken for words, of words one in
 * five hundred for a token; what is shorter than ten letters and digits, or chosen by people, cannot be told.
 */
export function looksRandom(text: string): boolean {
  let oddities = 0;
  let characters = 0;
  /** Between letters and digits, in the present word. */
  let changes = 0;
  let before = OTHER;
  let beforeThat = OTHER;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const kind = kindOf(code);
    if (kind === OTHER) {
      changes = 0;
      // What is percent-encoded says nothing (RFC 3986 section 2.1).
      if (code === PERCENT) i += 2;
    } else {
      characters++;
      if (before !== OTHER && (kind === DIGIT) !== (before === DIGIT)) {
        if (changes++ > 0) oddities++;
      } else if (kind === UPPER && before === LOWER) {
        // A word of one letter amid others.
        if (beforeThat !== LOWER) oddities++;
      } else if (kind !== DIGIT && before !== OTHER && RARE[pairOf(text.charCodeAt(i - 1), code)] === 1) oddities++;
    }
    beforeThat = before;
    before = kind;
  }
  return characters >= LEAST && oddities >= 2 && oddities * SPAN >= characters;
}

const PERCENT = 0x25;

function kindOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return DIGIT;
  if (code >= 0x61 && code <= 0x7a) return LOWER;
  return code >= 0x41 && code <= 0x5a ? UPPER : OTHER;
}

/** Of two letters in any case. */
function pairOf(first: number, second: number): number {
  return ((first | 0x20) - 0x61) * 26 + (second | 0x20) - 0x61;
}
