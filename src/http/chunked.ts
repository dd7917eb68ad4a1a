import type { ByteBudget } from '../flow/budget.ts';
import { CR, LF } from './chars.ts';
import { findHeadEnd, HeadScan } from './head-scan.ts';
import { readTrailersLeniently } from './lenient.ts';

/** Where de-chunked content goes. Bytes are borrowed. */
export interface ContentReceiver {
  onContent(data: Buffer, start: number, end: number): void;
}

/** A chunk's size line with its extensions may be this long, bytes. */
const MAX_LINE = 16_384;
/** And the trailer section this long, bytes. */
const MAX_TRAILERS = 16_384;
/** Less than this is kept without asking the budget. */
const FREE_CARRY = 128;

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = '"(?:[\\t !\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const STRICT_LINE = new RegExp(`^([0-9a-fA-F]+)(?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*\\r\\n$`);
const LENIENT_LINE = /^[ \t]*([0-9a-fA-F]+)[ \t]*(?:;[^\n]*)?\r?\n$/;

/**
 * Reads the chunked coding, RFC 9112 section 7.1. Strict (requests) is as strict as Node's parser; otherwise bare LF
 * and spaces around sizes pass.
 */
export class ChunkedReader {
  /** `done` and `faulty` are final. */
  state: 'size' | 'data' | 'data-end' | 'trailers' | 'done' | 'faulty' = 'size';
  trailers: string[] = [];
  /** Bytes of the present chunk that are still to come. */
  #remaining = 0;
  /** The part of a line, or of the trailer section, that came before: latin-1. */
  #carry = '';
  #sawCr = false;
  /** Room taken from the budget for `carry`. */
  #room = 0;
  readonly #budget: ByteBudget;
  readonly #strict: boolean;
  readonly #receiver: ContentReceiver;

  constructor(strict: boolean, budget: ByteBudget, receiver: ContentReceiver) {
    this.#budget = budget;
    this.#strict = strict;
    this.#receiver = receiver;
  }

  /** @returns how far it read: less than `end` only where the message ends or is faulty */
  read(data: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      switch (this.state) {
        case 'size':
          at = this.#readSize(data, at, end);
          break;
        case 'data': {
          const stop = Math.min(end, at + this.#remaining);
          this.#receiver.onContent(data, at, stop);
          this.#remaining -= stop - at;
          at = stop;
          if (this.#remaining === 0) this.state = 'data-end';
          break;
        }
        case 'data-end':
          at = this.#readDataEnd(data, at);
          break;
        case 'trailers':
          at = this.#readTrailers(data, at, end);
          break;
        default:
          return at;
      }
    }
    return at;
  }

  /** Passes over bytes that were never captured. @returns whether they were a chunk's content, so that it can go on */
  skip(missing: number): boolean {
    if (this.state !== 'data' || missing > this.#remaining) return false;
    this.#remaining -= missing;
    if (this.#remaining === 0) this.state = 'data-end';
    return true;
  }

  #readSize(data: Buffer, start: number, end: number): number {
    let stop = start;
    while (stop < end && data[stop] !== LF) stop++;
    const complete = stop < end;
    if (complete) stop++;
    if (this.#carry.length + (stop - start) > MAX_LINE) return this.#fail(stop);
    const line = this.#carry + data.latin1Slice(start, stop);
    if (!complete) {
      return this.#keep(line) ? stop : this.#fail(stop);
    }
    this.#carry = '';
    const match = (this.#strict ? STRICT_LINE : LENIENT_LINE).exec(line);
    const size = match === null ? Infinity : Number.parseInt(match[1]!, 16);
    if (!Number.isSafeInteger(size)) return this.#fail(stop);
    this.#remaining = size;
    this.state = size === 0 ? 'trailers' : 'data';
    return stop;
  }

  #readDataEnd(data: Buffer, at: number): number {
    if (data[at] === CR && !this.#sawCr) {
      this.#sawCr = true;
      return at + 1;
    }
    if (data[at] !== LF || (this.#strict && !this.#sawCr)) return this.#fail(at);
    this.#sawCr = false;
    this.state = 'size';
    return at + 1;
  }

  #readTrailers(data: Buffer, start: number, end: number): number {
    if (this.#carry === '' && data[start] === CR && start + 1 < end && data[start + 1] === LF) {
      this.state = 'done';
      return start + 2;
    }
    // A line end in front makes an empty section end like any other.
    const held = this.#carry === '' ? '\n' : this.#carry;
    const room = Math.min(end, start + MAX_TRAILERS - held.length + 1);
    const section = Buffer.from(held + data.latin1Slice(start, room), 'latin1');
    const after = findHeadEnd(section, 0, section.length, held.length - 3);
    if (after < 0) {
      if (room < end || section.length > MAX_TRAILERS) return this.#fail(end);
      return this.#keep(section.latin1Slice()) ? end : this.#fail(end);
    }
    this.#carry = '';
    const scanned = SCAN.trailers(section, 1, after);
    if (scanned >= 0) this.trailers = SCAN.fieldList(section.latin1Slice(), 0);
    else if (this.#strict) return this.#fail(start);
    else this.trailers = readTrailersLeniently(section.latin1Slice(1, after));
    this.state = 'done';
    return start + after - held.length;
  }

  /** Gives back what it took from the budget. Idempotent. */
  release(): void {
    this.#budget.give(this.#room);
    this.#room = 0;
    this.#carry = '';
  }

  #keep(text: string): boolean {
    if (text.length > FREE_CARRY && this.#room === 0) {
      if (!this.#budget.take(MAX_TRAILERS)) return false;
      this.#room = MAX_TRAILERS;
    }
    this.#carry = text;
    return true;
  }

  #fail(at: number): number {
    this.state = 'faulty';
    this.#carry = '';
    return at;
  }
}

const SCAN = new HeadScan();
