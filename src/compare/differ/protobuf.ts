// The wire format, https://protobuf.dev/programming-guides/encoding/
import { isUtf8 } from 'node:buffer';
import type { DifferenceKind } from '../difference.ts';
import { BINARY, TEXT, WORDS, PLAIN, count, type Shown } from '../examples/mask.ts';
import { Chains } from './chains.ts';
import type { Found, FoundList } from './found.ts';
import type { PlaceNode } from './json/json-places.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

const MAX_DEPTH = 32;
const MAX_FIELDS = 65_536;

/** One field of a message: its value is `bytes[start, end)`. */
interface Field {
  readonly number: number;
  readonly wire: number;
  readonly start: number;
  readonly end: number;
}

/** What of both sides there is of one field. */
interface Pair {
  readonly a: Field[];
  readonly b: Field[];
}

/**
 * Compares messages of Protocol Buffers of which nobody knows the schema: fields are named by their numbers. What is a
 * message in a message, a text, or bytes is told by its form, so this is a best effort.
 */
export class ProtobufDiffer {
  readonly #found: FoundList;
  #a: Buffer = Buffer.alloc(0);
  #b: Buffer = Buffer.alloc(0);

  constructor(found: FoundList) {
    this.#found = found;
  }

  /** @returns false where one of them is no message; then nothing was added */
  compare(node: PlaceNode, production: Buffer, mirror: Buffer): boolean {
    this.#a = production;
    this.#b = mirror;
    const a = readFields(production, 0, production.length);
    const b = readFields(mirror, 0, mirror.length);
    if (a === null || b === null) return false;
    this.#fields(node, a, b, 0);
    return true;
  }

  #fields(node: PlaceNode, a: readonly Field[], b: readonly Field[], depth: number): void {
    for (const [number, pair] of byNumber(a, b)) this.#occurrences(node.field(number), pair, depth);
  }

  #occurrences(node: PlaceNode, { a, b }: Pair, depth: number): void {
    if (b.length === 0) return this.#fill(this.#add(node, 'missing')?.ofProduction, this.#a, a[0]!);
    if (a.length === 0) return this.#fill(this.#add(node, 'added')?.ofMirror, this.#b, b[0]!);
    if ((a.length > 1 || b.length > 1) && this.#entries(node, a, b, depth)) return;
    if (a.length !== b.length) return this.#otherLength(node, a.length, b.length);
    const differing = a.filter((field, k) => !this.#isSame(field, b[k]!));
    if (differing.length > 1 && this.#isReordered(a, b)) return void this.#add(node, 'order');
    for (let k = 0; k < a.length; k++) this.#value(node, a[k]!, b[k]!, depth);
  }

  #otherLength(node: PlaceNode, production: number, mirror: number): void {
    const found = this.#add(node, 'length');
    found?.ofProduction.setText(PLAIN, count(production, 'element'));
    found?.ofMirror.setText(PLAIN, count(mirror, 'element'));
  }

  /** A map is a repeated message of a key, 1, and a value, 2; its order says nothing. */
  #entries(node: PlaceNode, a: readonly Field[], b: readonly Field[], depth: number): boolean {
    const ours = entriesOf(this.#a, a);
    const theirs = entriesOf(this.#b, b);
    if (ours === null || theirs === null) return false;
    const byKey = new Chains(theirs.keys);
    for (let k = 0; k < a.length; k++) {
      const other = byKey.take(ours.keys[k]!);
      if (other < 0) this.#fill(this.#add(node, 'missing')?.ofProduction, this.#a, a[k]!);
      else this.#fields(node, ours.entries[k]!, theirs.entries[other]!, depth + 1);
    }
    for (const other of byKey.rest()) this.#fill(this.#add(node, 'added')?.ofMirror, this.#b, b[other]!);
    return true;
  }

  #value(node: PlaceNode, a: Field, b: Field, depth: number): void {
    if (this.#isSame(a, b)) return;
    if (a.wire === LENGTH_DELIMITED && b.wire === LENGTH_DELIMITED && !(isPlainText(this.#a, a) && isPlainText(this.#b, b))) {
      const ours = depth < MAX_DEPTH ? readFields(this.#a, a.start, a.end) : null;
      const theirs = ours === null ? null : readFields(this.#b, b.start, b.end);
      if (ours !== null && theirs !== null) return this.#fields(node, ours, theirs, depth + 1);
    }
    const found = this.#add(node, a.wire === b.wire ? 'field' : 'type');
    this.#fill(found?.ofProduction, this.#a, a);
    this.#fill(found?.ofMirror, this.#b, b);
  }

  #isSame(a: Field, b: Field): boolean {
    return a.wire === b.wire && a.end - a.start === b.end - b.start && this.#a.compare(this.#b, b.start, b.end, a.start, a.end) === 0;
  }

  #isReordered(a: readonly Field[], b: readonly Field[]): boolean {
    const others = new Chains(b.map(({ start, end }) => this.#b.latin1Slice(start, end)));
    return a.every(({ start, end }) => others.take(this.#a.latin1Slice(start, end)) >= 0);
  }

  #add(node: PlaceNode, kind: DifferenceKind): Found | null {
    const found = node.ignored ? null : this.#found.add(node.place, kind);
    if (found !== null) found.instead = node.instead;
    return found;
  }

  #fill(shown: Shown | undefined, bytes: Buffer, field: Field): void {
    const { wire, start, end } = field;
    if (shown === undefined) return;
    if (wire === VARINT) shown.setText(WORDS, String(varint(bytes, start, end)));
    else if (wire !== LENGTH_DELIMITED) shown.setText(WORDS, `0x${Buffer.from(bytes.subarray(start, end)).reverse().toString('hex')}`);
    else if (isPlainText(bytes, field)) shown.setText(TEXT, bytes.toString('utf8', start, end));
    else shown.setBytes(BINARY, bytes, start, end);
  }
}

function byNumber(a: readonly Field[], b: readonly Field[]): Map<number, Pair> {
  const pairs = new Map<number, Pair>();
  const of = (number: number): Pair => {
    let pair = pairs.get(number);
    if (pair === undefined) pairs.set(number, (pair = { a: [], b: [] }));
    return pair;
  };
  for (const field of a) of(field.number).a.push(field);
  for (const field of b) of(field.number).b.push(field);
  return pairs;
}

/** @returns null where they are not all entries of a map */
function entriesOf(bytes: Buffer, fields: readonly Field[]): { readonly keys: string[]; readonly entries: Field[][] } | null {
  const keys: string[] = [];
  const entries: Field[][] = [];
  for (const { wire, start, end } of fields) {
    const entry = wire === LENGTH_DELIMITED && end > start ? readFields(bytes, start, end) : null;
    if (entry === null || entry.length > 2) return null;
    const key = entry.find(({ number }) => number === 1);
    if (key === undefined || entry.some((field) => field !== key && field.number !== 2)) return null;
    keys.push(bytes.latin1Slice(key.start, key.end));
    entries.push(entry);
  }
  return new Set(keys).size === keys.length ? { keys, entries } : null;
}

/** @returns null where these bytes are no message */
function readFields(bytes: Buffer, start: number, end: number): Field[] | null {
  const fields: Field[] = [];
  for (let at = start; at < end; ) {
    const tagEnd = endOfVarint(bytes, at, end);
    if (tagEnd < 0 || tagEnd - at > 5 || fields.length === MAX_FIELDS) return null;
    const tag = Number(varint(bytes, at, tagEnd));
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0 || number > 0x1fff_ffff) return null;
    const valueStart = wire === LENGTH_DELIMITED ? endOfVarint(bytes, tagEnd, end) : tagEnd;
    if (valueStart < 0) return null;
    const valueEnd = endOfField(bytes, wire, tagEnd, valueStart, end);
    if (valueEnd < 0 || valueEnd > end) return null;
    fields.push({ number, wire, start: valueStart, end: valueEnd });
    at = valueEnd;
  }
  return fields;
}

function endOfField(bytes: Buffer, wire: number, tagEnd: number, valueStart: number, end: number): number {
  switch (wire) {
    case VARINT:
      return endOfVarint(bytes, valueStart, end);
    case FIXED_64:
      return valueStart + 8;
    case FIXED_32:
      return valueStart + 4;
    case LENGTH_DELIMITED:
      return valueStart + Number(varint(bytes, tagEnd, valueStart));
    default:
      // Groups are not used any more.
      return -1;
  }
}

/** @returns behind it, -1 where it is cut off or longer than 10 bytes */
function endOfVarint(bytes: Buffer, start: number, end: number): number {
  for (let at = start; at < end && at < start + 10; at++) if (bytes[at]! < 0x80) return at + 1;
  return -1;
}

function varint(bytes: Buffer, start: number, end: number): bigint | number {
  if (end - start > 4) {
    let value = 0n;
    for (let at = end - 1; at >= start; at--) value = (value << 7n) | BigInt(bytes[at]! & 0x7f);
    return BigInt.asUintN(64, value);
  }
  let value = 0;
  for (let at = end - 1; at >= start; at--) value = (value << 7) | (bytes[at]! & 0x7f);
  return value;
}

/** Text without control characters, which messages nearly always have. */
function isPlainText(bytes: Buffer, { start, end }: Field): boolean {
  for (let at = start; at < end; at++) if (bytes[at]! < 0x20 || bytes[at] === 0x7f) return false;
  return isUtf8(bytes.subarray(start, end));
}
