import type { ByteBudget } from '../../flow/budget.ts';
import { FIELD_VALUE, HT, SP, TOKEN } from '../chars.ts';
import { ENTRY_OVERHEAD, HeaderTable, UNKNOWN } from './header-table.ts';
import { decodeHuffman } from './huffman.ts';
import { STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/** More fields than this are not read of one block. */
const MAX_FIELDS = 4096;
/** No table of which we do not know the size has more entries: 64 KiB of the smallest. */
const MAX_ENTRIES = 2048;
/** Larger numbers are refused; no index, length or size comes near. */
const MAX_INTEGER = 1 << 28;
const COLON = 0x3a;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/**
 * Decodes the header blocks of one direction of a connection, RFC 7541, where the beginning of the connection may not have
 * been seen. A field that refers to an entry inserted before is *unknown*: it is counted, never guessed, and what a
 * literal says of itself is learnt all the same. Texts are latin-1 of the bytes.
 *
 * Nothing else can be concluded. A literal may take its name from an unknown entry and say nothing of it but its value;
 * no frame repeats what an entry holds except another literal; that a request has one `:path` names an unknown field at
 * best and never gives its value; what is bound to one value (`te: trailers`, a scheme) need not be the field in question.
 */
export class HpackDecoder {
  /** SETTINGS_HEADER_TABLE_SIZE of the receiver: the encoder may not choose more. Infinity where it is not known. */
  maxTableSize: number;
  /** Of the last block: fields that are not known, */
  unknown = 0;
  /** fields with octets that no field may have (RFC 9113 section 8.2.1), */
  flawed = 0;
  /** its size as RFC 9113 section 6.5.2 counts it, */
  size = 0;
  /** and whether it was larger than the limit, so that fields are missing. */
  overflown = false;
  readonly #table: HeaderTable;
  readonly #maxSize: number;
  #data: Uint8Array = NO_BYTES;
  #end = 0;
  #at = 0;
  #flaw = 0;

  /**
   * @param known the connection was seen from its beginning
   * @param maxSize fields beyond this size are left out
   */
  constructor(known: boolean, maxSize: number, budget: ByteBudget) {
    this.#table = new HeaderTable(known, budget);
    this.#maxSize = maxSize;
    this.maxTableSize = Infinity;
  }

  /** Some blocks have been missed. */
  forget(): void {
    this.#table.forget();
  }

  /** Gives its memory back. */
  release(): void {
    this.#table.release();
  }

  /**
   * Reads a whole block and adds what is known of its fields to `fields`: name, value, name, value.
   * @returns false where it is no header block: nothing more of this direction can be read
   */
  decode(data: Buffer, start: number, end: number, fields: string[]): boolean {
    this.unknown = 0;
    this.flawed = 0;
    this.size = 0;
    this.overflown = false;
    this.#data = data;
    this.#at = start;
    this.#end = end;
    let isFirst = true;
    while (this.#at < end) {
      const byte = data[this.#at]!;
      if (byte >= 0x80) {
        if (!this.#indexed(fields)) return false;
      } else if (byte >= 0x40) {
        if (!this.#literal(data, 6, true, fields)) return false;
      } else if (byte >= 0x20) {
        if (!isFirst || !this.#resize()) return false;
        continue;
      } else if (!this.#literal(data, 4, false, fields)) return false;
      isFirst = false;
    }
    return true;
  }

  #indexed(fields: string[]): boolean {
    const index = this.#integer(7);
    if (index <= 0) return false;
    if (index <= STATIC_ENTRIES) {
      this.#add(fields, STATIC_NAMES[index]!, STATIC_VALUES[index]!, 0);
      return true;
    }
    const back = index - STATIC_ENTRIES - 1;
    const table = this.#table;
    if (back >= table.count) return this.#missing(back);
    const name = table.name(back);
    if (name === UNKNOWN) this.unknown++;
    else this.#add(fields, name, table.value(back), table.flaw(back));
    return true;
  }

  #literal(data: Buffer, prefix: number, insert: boolean, fields: string[]): boolean {
    const index = this.#integer(prefix);
    if (index < 0) return false;
    let name: string | null;
    let flaw = 0;
    if (index === 0) {
      name = this.#text(data, true);
      if (name === null) return false;
      flaw = this.#flaw;
    } else if (index <= STATIC_ENTRIES) name = STATIC_NAMES[index]!;
    else {
      const back = index - STATIC_ENTRIES - 1;
      if (back < this.#table.count) name = this.#table.name(back);
      else if (this.#missing(back)) {
        this.unknown--;
        name = UNKNOWN;
      } else return false;
    }
    const value = this.#text(data, false);
    if (value === null) return false;
    flaw |= this.#flaw;
    if (insert) this.#table.insert(name, value, flaw);
    if (name === UNKNOWN) this.unknown++;
    else this.#add(fields, name, value, flaw);
    return true;
  }

  /** @returns whether there may be an entry that far back */
  #missing(back: number): boolean {
    this.unknown++;
    if (this.#table.complete) return false;
    const { limit } = this.#table;
    return back < (limit < 0 ? MAX_ENTRIES : limit / ENTRY_OVERHEAD);
  }

  #resize(): boolean {
    const limit = this.#integer(5);
    if (limit < 0 || limit > this.maxTableSize) return false;
    this.#table.resize(limit);
    return true;
  }

  #add(fields: string[], name: string, value: string, flaw: number): void {
    this.size += name.length + value.length + ENTRY_OVERHEAD;
    this.flawed += flaw;
    if (this.size > this.#maxSize || fields.length >= MAX_FIELDS * 2) this.overflown = true;
    else fields.push(name, value);
  }

  /** Section 5.1. @returns -1 where it is cut off or too large */
  #integer(prefix: number): number {
    const data = this.#data;
    const mask = (1 << prefix) - 1;
    let value = data[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const byte = data[this.#at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value <= MAX_INTEGER ? value : -1;
    }
    return -1;
  }

  /** Section 5.2. Leaves in `#flaw` whether it may stand in a field. @returns null where it is no string */
  #text(data: Buffer, isName: boolean): string | null {
    if (this.#at >= this.#end) return null;
    const huffman = data[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    if (length < 0 || length > this.#end - start) return null;
    this.#at = start + length;
    if (!huffman) return this.#checked(data, start, this.#at, isName);
    const out = scratch(length);
    const decoded = decodeHuffman(data, start, this.#at, out);
    return decoded < 0 ? null : this.#checked(out, 0, decoded, isName);
  }

  #checked(data: Buffer, start: number, end: number, isName: boolean): string {
    this.#flaw = (isName ? isFieldName(data, start, end) : isFieldValue(data, start, end)) ? 0 : 1;
    return data.latin1Slice(start, end);
  }
}

const NO_BYTES = new Uint8Array(0);
let SCRATCH = Buffer.allocUnsafeSlow(4096);

/** Room for what `length` bytes of Huffman code may become: no symbol has less than five bits. */
function scratch(length: number): Buffer {
  const room = Math.ceil((length * 8) / 5);
  if (room > SCRATCH.length) SCRATCH = Buffer.allocUnsafeSlow(room * 2);
  return SCRATCH;
}

/** RFC 9113 section 8.2.1: a token in lower case; a colon first makes it a pseudo-header. */
function isFieldName(data: Buffer, start: number, end: number): boolean {
  let at = start;
  if (at < end && data[at] === COLON) at++;
  if (at === end) return false;
  for (; at < end; at++) {
    const byte = data[at]!;
    if (TOKEN[byte] !== 1 || (byte >= UPPER_A && byte <= UPPER_Z)) return false;
  }
  return true;
}

/** Nothing that would end a line, no control characters, and no space at either end. */
function isFieldValue(data: Buffer, start: number, end: number): boolean {
  if (start === end) return true;
  const first = data[start]!;
  const last = data[end - 1]!;
  if (first === SP || first === HT || last === SP || last === HT) return false;
  for (let at = start; at < end; at++) if (FIELD_VALUE[data[at]!] !== 1) return false;
  return true;
}
