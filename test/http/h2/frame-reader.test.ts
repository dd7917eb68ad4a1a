import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/flow/budget.ts';
import { FrameReader } from '../../../src/http/h2/frame-reader.ts';
import type { FrameHandler } from '../../../src/http/h2/frame-reader.ts';
import { frameCases } from './corpus.ts';
import { continuation, data, END_HEADERS, END_STREAM, frame, goaway, headers, padded, PADDED, ping, pushPromise, settings, windowUpdate, word } from './frames.ts';

const CAP = { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false, numRuns: 5000 } as const;

class FrameLog implements FrameHandler {
  readonly events: string[] = [];
  frames = 0;
  #pieces = '';

  onFrame(): void {
    this.frames++;
  }
  onHeaders(stream: number, endStream: boolean, bytes: Buffer, start: number, end: number): boolean {
    return this.#add(`headers ${stream} ${endStream} ${bytes.latin1Slice(start, end)}`);
  }
  onPushPromise(stream: number, promised: number, bytes: Buffer, start: number, end: number): boolean {
    return this.#add(`promise ${stream} ${promised} ${bytes.latin1Slice(start, end)}`);
  }
  onLostBlock(stream: number, endStream: boolean, why: string): void {
    this.#add(`lost ${stream} ${endStream} ${why}`);
  }
  onData(_stream: number, bytes: Buffer, start: number, end: number): void {
    this.#pieces += bytes.latin1Slice(start, end);
  }
  onDataGap(stream: number): void {
    this.#add(`gap ${stream}`);
  }
  onDataEnd(stream: number, endStream: boolean): boolean {
    const text = this.#pieces;
    this.#pieces = '';
    return this.#add(`data ${stream} ${endStream} ${text}`);
  }
  onReset(stream: number, code: number): void {
    this.#add(`reset ${stream} ${code}`);
  }
  onSettings(isAck: boolean, bytes: Buffer, start: number, end: number): boolean {
    return this.#add(`settings ${isAck} ${bytes.toString('hex', start, end)}`);
  }
  onGoaway(last: number, code: number): void {
    this.#add(`goaway ${last} ${code}`);
  }
  #add(text: string): boolean {
    this.events.push(text);
    return true;
  }
}

const MAX_BLOCK = 1000;

/** Reads it in pieces of at most `size` bytes, each within other bytes. @returns the log; the last event is `error` if it was refused */
function read(bytes: Buffer, size = bytes.length, budget = new ByteBudget(1 << 20)): string[] {
  const log = new FrameLog();
  const reader = new FrameReader(log, MAX_BLOCK, budget);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    if (reader.read(Buffer.concat([Buffer.alloc(3, 0xff), piece, Buffer.alloc(3, 0xff)]), 3, 3 + piece.length)) continue;
    log.events.push('error');
    break;
  }
  reader.reset();
  expect(budget.used).toBe(0);
  return log.events;
}

const cases = frameCases();

/** What a frame of the published cases is for us; null: nothing is said of it. */
function eventOf({ type, flags, stream_identifier: stream, frame_payload: payload }: NonNullable<(typeof cases)[number]['frame']>): string | null {
  const block = payload['header_block_fragment'] as string;
  switch (type) {
    case 0:
      return `data ${stream} ${(flags & 1) === 1} ${payload['data'] as string}`;
    case 1:
      return `headers ${stream} ${(flags & 1) === 1} ${block}`;
    case 3:
      return `reset ${stream} ${payload['error_code'] as number}`;
    case 4:
      return `settings ${(flags & 1) === 1} ${(payload['settings'] as number[][]).map(([id, value]) => id!.toString(16).padStart(4, '0') + word(value!).toString('hex')).join('')}`;
    case 5:
      return `promise ${stream} ${payload['promised_stream_id'] as number} ${block}`;
    case 7:
      return `goaway ${payload['last_stream_id'] as number} ${payload['error_code'] as number}`;
    default:
      return null;
  }
}

describe.skipIf(cases.length === 0)('the published frames', () => {
  it('are there', () => {
    expect(cases.length).toBeGreaterThan(30);
  });

  it.each(cases)('$name', ({ name, wire, error, frame: wanted }) => {
    const bytes = Buffer.from(wire, 'hex');
    for (const size of [bytes.length, 1, 4]) {
      if (name.startsWith('continuation/')) {
        const first = headers(wanted!.stream_identifier, Buffer.from('first '), 0);
        expect(read(Buffer.concat([first, bytes, continuation(wanted!.stream_identifier, Buffer.from('.'))]), size).slice(-1)).not.toEqual(['error']);
      } else if (error !== null) expect(read(bytes, size)).toEqual(['error']);
      else {
        const event = eventOf(wanted!);
        expect(read(bytes, size)).toEqual(event === null ? [] : [event]);
      }
    }
  });
});

describe('a sequence of frames', () => {
  const BYTES = Buffer.concat([
    settings(1, 100, 5, 20_000),
    headers(1, padded('block', 4), PADDED),
    continuation(1, Buffer.from('-two'), 0),
    continuation(1, Buffer.from('-three')),
    data(1, padded('abc', 2), PADDED),
    ping(),
    data(1, '', END_STREAM),
    pushPromise(1, 2, Buffer.from('promised')),
    windowUpdate(0, 1),
    goaway(7, 2, 'debug data'),
    frame(0x77, 3, 9, 'unknown'),
    frame(3, 0, 1, word(8)),
  ]);
  const EVENTS = [
    'settings false 000100000064000500004e20',
    'headers 1 false block-two-three',
    'data 1 false abc',
    'data 1 true ',
    'promise 1 2 promised',
    'goaway 7 2',
    'reset 1 8',
  ];

  it('is the same in pieces of any size', () => {
    for (let size = 1; size <= BYTES.length; size++) expect(read(BYTES, size), `pieces of ${size}`).toEqual(EVENTS);
  });

  it.each([
    ['a frame larger than the receiver takes', data(1, 'x'.repeat(16_385))],
    ['anything between a head and its continuation', Buffer.concat([headers(1, Buffer.from('a'), 0), ping()])],
    ['a continuation of another stream', Buffer.concat([headers(1, Buffer.from('a'), 0), continuation(3, Buffer.from('b'))])],
    ['a continuation of nothing', continuation(1, Buffer.from('a'))],
    ['padding without its length', frame(1, PADDED | END_HEADERS, 1)],
    ['data padded without its length', frame(0, PADDED, 1)],
    ['a promise too short for its stream', frame(5, END_HEADERS, 1, 'abc')],
    ['priority that is cut', frame(1, END_HEADERS | 0x20, 1, 'abc')],
    ['settings beyond all use', frame(4, 0, 0, 'x'.repeat(6 * 2000))],
  ])('ends at %s', (_, bytes) => {
    expect(read(bytes)).toEqual(['error']);
    expect(read(bytes, 1)).toEqual(['error']);
  });

  it('passes over a head that is too large, whatever it is made of, and goes on', () => {
    const flood = Array.from({ length: 5000 }, () => continuation(1, Buffer.from('xxxxx'), 0));
    const bytes = Buffer.concat([headers(1, Buffer.from('a'), END_STREAM), ...flood, continuation(1, Buffer.from('z')), data(3, 'x')]);
    expect(read(bytes, 1000, new ByteBudget(4096))).toEqual(['lost 1 true too-large', 'data 3 false x']);
    expect(read(Buffer.concat([headers(1, Buffer.alloc(2000)), data(3, 'x')]), 7)).toEqual(['lost 1 false too-large', 'data 3 false x']);
  });

  it('passes over a head for which there is no room', () => {
    const bytes = Buffer.concat([headers(1, Buffer.alloc(600)), headers(3, Buffer.from('a'), 0), continuation(3, Buffer.alloc(700)), data(3, 'x')]);
    expect(read(bytes, 100, new ByteBudget(100))).toEqual(['lost 1 false no-memory', 'lost 3 false no-memory', 'data 3 false x']);
  });

  it('never throws, and gives its memory back, whatever comes', () => {
    const real = fc.constantFrom(headers(1, Buffer.from('a'), 0), data(1, 'abc'), ping(), settings(1, 2), pushPromise(1, 2, Buffer.from('x')), goaway(1, 0));
    const junk = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.oneof(real, junk), { maxLength: 8 }), fc.integer({ min: 1, max: 20 }), fc.nat(3000), (parts, size, room) => {
        read(Buffer.concat(parts), size, new ByteBudget(room));
      }),
      CAP,
    );
  });
});

describe('bytes that were never captured', () => {
  const bytes = Buffer.concat([data(1, padded('abcdef', 3), PADDED), data(1, 'next', END_STREAM)]);

  function skipped(from: number, missing: number): string[] | null {
    const log = new FrameLog();
    const reader = new FrameReader(log, MAX_BLOCK, new ByteBudget(1 << 20));
    reader.read(bytes, 0, from);
    if (!reader.skip(missing)) return null;
    return reader.read(bytes, from + missing, bytes.length) ? log.events : ['error'];
  }

  it.each([
    [12, 2, ['gap 1', 'data 1 false abef', 'data 1 true next']],
    [12, 4, ['gap 1', 'data 1 false ab', 'data 1 true next']],
    [12, 6, ['gap 1', 'data 1 false ab', 'data 1 true next']],
    [12, 7, ['gap 1', 'data 1 false ab', 'data 1 true next']],
    [16, 2, ['data 1 false abcdef', 'data 1 true next']],
    [16, 3, ['data 1 false abcdef', 'data 1 true next']],
  ])('from %i on, %i of them, damage no more than they have to', (from, missing, events) => {
    expect(skipped(from, missing)).toEqual(events);
  });

  it.each([
    [0, 5, 'the frame before is over'],
    [5, 2, 'a header is cut'],
    [9, 1, 'the pad length is missing'],
    [12, 8, 'the next header is cut'],
    [12, Infinity, 'nobody knows how many'],
  ])('from %i on, %f of them, lose the place: %s', (from, missing) => {
    expect(skipped(from, missing)).toBeNull();
  });
});
