const PERCENT = 0x25;
const PLUS = 0x2b;
const SLASH = 0x2f;
const STAR = 0x2a;
const SP = 0x20;

/** A text as a careless server would come to see it. */
export interface Decoded {
  readonly text: string;
  /** How many times it was percent-encoded, 0 to 2. */
  readonly rounds: number;
}

/**
 * Undoes percent-encoding up to twice, also `%u002e` (IIS) and overlong UTF-8 (`%c0%ae`, RFC 3629 section 3), which some
 * decoders take; in a query a plus is a space. Takes time linear in the text.
 * @param isQuery of form-encoding: a plus is a space
 */
export function decodeTwice(raw: string, isQuery: boolean): Decoded {
  const first = decodeOnce(raw, isQuery);
  if (first === raw) return { text: raw, rounds: 0 };
  const second = first.includes('%') ? decodeOnce(first, false) : first;
  return { text: second, rounds: second === first ? (raw.includes('%') ? 1 : 0) : 2 };
}

function decodeOnce(raw: string, isQuery: boolean): string {
  let out = '';
  let from = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code === PLUS && isQuery) {
      out += `${raw.slice(from, i)} `;
      from = i + 1;
    } else if (code === PERCENT) {
      const length = escapeAt(raw, i);
      if (length === 0) continue;
      out += raw.slice(from, i) + String.fromCharCode(escaped);
      from = i + length;
      i = from - 1;
    }
  }
  return from === 0 ? raw : out + raw.slice(from);
}

/** What `escapeAt` found. */
let escaped = 0;

/** @returns length of the escape at `i`; 0 if there is none */
function escapeAt(raw: string, i: number): number {
  if ((raw.charCodeAt(i + 1) | 0x20) === 0x75) {
    const code = hexAt(raw, i + 2, 4);
    if (code < 0) return 0;
    escaped = code;
    return 6;
  }
  const byte = hexAt(raw, i + 1, 2);
  if (byte < 0) return 0;
  escaped = byte;
  if (byte !== 0xc0 && byte !== 0xc1) return 3;
  const second = raw.charCodeAt(i + 3) === PERCENT ? hexAt(raw, i + 4, 2) : -1;
  if (second < 0x80 || second > 0xbf) return 3;
  escaped = ((byte & 1) << 6) | (second & 0x3f);
  return 6;
}

/** @returns -1 where there are not so many hexadecimal digits */
function hexAt(raw: string, start: number, digits: number): number {
  let value = 0;
  for (let i = start; i < start + digits; i++) {
    const code = raw.charCodeAt(i);
    const letter = code | 0x20;
    if (code >= 0x30 && code <= 0x39) value = value * 16 + code - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57;
    else return -1;
  }
  return value;
}

/** White space of any kind and length, and comments of SQL, become one space: what hides words from those who look for them. */
export function squeeze(text: string): string {
  const lastClose = text.lastIndexOf('*/');
  let out = '';
  let from = 0;
  for (let i = 0; i < text.length; ) {
    const end = endOfSpace(text, i, lastClose);
    if (end === i) {
      i += 1;
      continue;
    }
    if (end > i + 1 || text.charCodeAt(i) !== SP) {
      out += `${text.slice(from, i)} `;
      from = end;
    }
    i = end;
  }
  return from === 0 ? text : out + text.slice(from);
}

/** After spaces and comments from `start` on. @param lastClose where the last comment ends: none is looked for behind it */
function endOfSpace(text: string, start: number, lastClose: number): number {
  let i = start;
  for (;;) {
    const code = text.charCodeAt(i);
    if (code === SP || (code >= 0x09 && code <= 0x0d)) i += 1;
    else if (code === SLASH && text.charCodeAt(i + 1) === STAR && i + 2 <= lastClose) i = text.indexOf('*/', i + 2) + 2;
    else return i;
  }
}
