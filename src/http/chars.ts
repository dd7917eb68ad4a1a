/** Character classes of RFC 9110 section 5.6.2 and RFC 9112, as tables indexed by byte. */

declare global {
  interface Buffer {
    /** Node's own, faster than `toString('latin1')` on short pieces. */
    latin1Slice(start?: number, end?: number): string;
  }
}

export const HT = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

function table(accepts: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (accepts(byte) ? 1 : 0));
}

/** tchar: what methods and field names are made of. */
export const TOKEN = table((byte) => byte < 128 && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/.test(String.fromCharCode(byte)));

/** field-vchar, obs-text, space and tab: what field values are made of. */
export const FIELD_VALUE = table((byte) => byte === HT || (byte >= SP && byte !== 0x7f));

/** What request targets are made of: visible characters, and bytes above 127 as nginx and Go let them pass. */
export const TARGET = table((byte) => byte > SP && byte !== 0x7f);
