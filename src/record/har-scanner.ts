import { HAR_ENTRY_START } from './har.ts';
import type { Piece } from './splitter.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LF = 0x0a;

/** Depth of what is inside `{"log":{"entries":[`, and inside an entry. */
const IN_ENTRIES = 3;
const IN_ENTRY = 4;
/** How an entry of our own files begins: behind a line end, so that it can be found again after damage. */
const ENTRY = Buffer.from(`\n${HAR_ENTRY_START}`);
/** Longer names are none that matter. */
const MAX_NAME = 16;

/**
 * Finds the entries of a HAR file, which is one JSON object however large, without holding more than one of them:
 * follows strings and brackets, and hands each element of `log.entries` on as a piece. Its offsets are those of the file.
 */
export class HarScanner {
  /** The text stopped being JSON and no further entry could be told. */
  lost = false;
  readonly #maxBytes: number;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #name = '';
  /** The name whose value comes, at the two depths that matter. */
  #key = '';
  #inLog = false;
  #inEntries = false;
  /** Bytes of the file before the present chunk. */
  #offset = 0;
  /** Where the present entry begins, or -1 between entries. */
  #entryAt = -1;
  #parts: Buffer[] = [];
  #length = 0;
  /** How much of ENTRY the last bytes are. */
  #matched = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Buffer): Generator<Piece> {
    let from = this.#entryAt >= 0 ? 0 : -1;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      const ended = this.#read(byte, this.#offset + i);
      if (ended === ENDED) {
        if (from >= 0) this.#keep(chunk, from, i + 1);
        from = -1;
        yield this.#take(false);
      } else if (ended === BEGUN) from = i;
      if (!this.#matches(byte)) continue;
      const begun = this.#offset + i - HAR_ENTRY_START.length + 1;
      if (this.#entryAt === begun) continue;
      // An entry begins where none can: what is in hand is damaged.
      if (this.#entryAt >= 0) {
        this.#length = Infinity;
        yield this.#take(false);
      }
      this.#begin(begun);
      this.#parts.push(Buffer.from(HAR_ENTRY_START));
      this.#length = HAR_ENTRY_START.length;
      from = i + 1;
    }
    if (from >= 0) this.#keep(chunk, from, chunk.length);
    this.#offset += chunk.length;
  }

  /** The entry that the file ends in, if it does. */
  *end(): Generator<Piece> {
    if (this.#entryAt >= 0) yield this.#take(true);
  }

  #read(byte: number, at: number): Step {
    if (this.#inString) {
      this.#readString(byte);
      return NOTHING;
    }
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#name = '';
        return NOTHING;
      case COLON:
        if (this.#depth < IN_ENTRIES) this.#key = this.#name;
        return NOTHING;
      case COMMA:
        if (this.#depth < IN_ENTRIES) this.#key = '';
        return NOTHING;
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.#depth++;
        if (this.#depth === 2) this.#inLog = this.#key === 'log';
        if (this.#depth === IN_ENTRIES) this.#inEntries = this.#inLog && this.#key === 'entries' && byte === OPEN_LIST;
        if (this.#depth !== IN_ENTRY || !this.#inEntries) return NOTHING;
        this.#begin(at);
        return BEGUN;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#depth = Math.max(0, this.#depth - 1);
        if (this.#depth < IN_ENTRIES) this.#inEntries = false;
        return this.#depth === IN_ENTRIES && this.#entryAt >= 0 ? ENDED : NOTHING;
      default:
        return NOTHING;
    }
  }

  #readString(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
    // JSON has no line end within a string: a quote is missing, and what is a string from here on is not certain.
    else if (byte === LF) this.lost = true;
    else if (this.#depth < IN_ENTRIES && this.#name.length < MAX_NAME) this.#name += String.fromCharCode(byte);
  }

  #matches(byte: number): boolean {
    if (byte !== ENTRY[this.#matched]) this.#matched = 0;
    if (byte === ENTRY[this.#matched]) this.#matched++;
    if (this.#matched < ENTRY.length) return false;
    this.#matched = 0;
    return true;
  }

  #begin(at: number): void {
    this.#entryAt = at;
    this.#depth = IN_ENTRY;
    this.#inEntries = true;
    this.#inString = false;
    this.#escaped = false;
    this.lost = false;
    this.#parts = [];
    this.#length = 0;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#length += end - start;
    if (this.#length > this.#maxBytes) this.#parts = [];
    else this.#parts.push(Buffer.from(chunk.subarray(start, end)));
  }

  #take(last: boolean): Piece {
    const bytes = this.#length > this.#maxBytes ? null : Buffer.concat(this.#parts);
    const piece = { bytes, offset: this.#entryAt, last };
    this.#entryAt = -1;
    this.#parts = [];
    this.#length = 0;
    return piece;
  }
}

const NOTHING = 0;
const BEGUN = 1;
const ENDED = 2;
type Step = typeof NOTHING | typeof BEGUN | typeof ENDED;
