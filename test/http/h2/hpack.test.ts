import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/flow/budget.ts';
import { HpackDecoder } from '../../../src/http/h2/hpack.ts';
import { fieldsOf, hpackStories } from './corpus.ts';
import type { HpackStory } from './corpus.ts';
import { hpack, integer } from './hpack-encoder.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false, numRuns: 5000 } as const;
const MAX_SIZE = 128 * 1024;

function decoder(known = true, budget = new ByteBudget(1 << 20)): HpackDecoder {
  return new HpackDecoder(known, MAX_SIZE, budget);
}

function decode(target: HpackDecoder, ...parts: Buffer[]): string[] | null {
  const fields: string[] = [];
  const block = Buffer.concat(parts);
  // Within other bytes, as in a segment.
  const data = Buffer.concat([Buffer.from('zz'), block, Buffer.from('zz')]);
  return target.decode(data, 2, 2 + block.length, fields) ? fields : null;
}

const stories = hpackStories();

describe.skipIf(stories.length === 0)('the published header blocks', () => {
  const wireOf = (story: HpackStory): Buffer[] => story.cases.map(({ wire }) => Buffer.from(wire, 'hex'));

  it('are all decoded as published', () => {
    let blocks = 0;
    for (const story of stories) {
      const target = decoder();
      story.cases.forEach((example, i) => {
        if (example.header_table_size !== undefined) target.maxTableSize = Math.max(4096, example.header_table_size);
        expect(decode(target, Buffer.from(example.wire, 'hex')), `${story.name} block ${i}`).toEqual(fieldsOf(example));
        blocks++;
      });
    }
    expect(stories.length).toBeGreaterThan(100);
    expect(blocks).toBeGreaterThan(1000);
  });

  it('joined at any block: whatever is said to be known is right, and nothing is left out unsaid', () => {
    let known = 0;
    let unknown = 0;
    for (const story of stories) {
      const wire = wireOf(story);
      for (const from of [1, 2, 5, 11].filter((block) => block < wire.length)) {
        const target = decoder(false);
        for (let i = from; i < wire.length; i++) {
          const wanted = fieldsOf(story.cases[i]!);
          const found = decode(target, wire[i]!);
          const right = found !== null && found.length + target.unknown * 2 === wanted.length && isSubsequence(found, wanted);
          if (!right) throw new Error(`${story.name} joined at ${from}, block ${i}: ${JSON.stringify(found)}`);
          if (target.unknown === 0) known++;
          else unknown++;
        }
      }
    }
    console.log(`joined in the middle: ${known} blocks known, ${unknown} with unknown fields`);
    expect(known).toBeGreaterThan(0);
    expect(unknown).toBeGreaterThan(0);
  });
});

/** By fields: pairs of name and value. */
function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (let i = 0; i < whole.length && at < part.length; i += 2) if (whole[i] === part[at] && whole[i + 1] === part[at + 1]) at += 2;
  return at === part.length;
}

describe('a header block', () => {
  it('has the examples of RFC 7541 appendix C.4 and C.6, with their evictions', () => {
    const requests = decoder();
    const read = (hex: string): string[] | null => decode(requests, Buffer.from(hex, 'hex'));
    expect(read('828684418cf1e3c2e5f23a6ba0ab90f4ff')).toEqual([':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com']);
    expect(read('828684be5886a8eb10649cbf')?.slice(-2)).toEqual(['cache-control', 'no-cache']);
    expect(read('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf')?.slice(-2)).toEqual(['custom-key', 'custom-value']);
    const responses = decoder();
    expect(decode(responses, hpack.resize(256), Buffer.from('488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3', 'hex'))?.slice(0, 4)).toEqual([':status', '302', 'cache-control', 'private']);
    expect(decode(responses, Buffer.from('4883640effc1c0bf', 'hex'))).toEqual([
      ':status', '307', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:21 GMT', 'location', 'https://www.example.com',
    ]);
  });

  it.each([
    ['index 0', hpack.indexed(0)],
    ['an index beyond the table', hpack.indexed(62)],
    ['a name beyond the table', hpack.inserted(62, 'x')],
    ['an integer that never ends', Buffer.from('ffffffffffffffffff', 'hex')],
    ['an integer beyond all bounds', integer(0x80, 7, 2 ** 40)],
    ['a cut integer', Buffer.from('ff', 'hex')],
    ['a string longer than the block', Buffer.from('4001', 'hex')],
    ['a literal without its value', Buffer.from('400161', 'hex')],
    ['a Huffman string with its end in it', Buffer.from('4084ffffffff00', 'hex')],
    ['Huffman padding of a whole byte', Buffer.from('40821fff0161', 'hex')],
    ['Huffman padding with zeros', Buffer.from('4081180161', 'hex')],
    ['a change of size after a field', Buffer.concat([hpack.indexed(2), hpack.resize(0)])],
    ['a table larger than the receiver allows', hpack.resize(4097)],
  ])('is refused with %s', (_name, block) => {
    const target = decoder();
    target.maxTableSize = 4096;
    expect(decode(target, block)).toBeNull();
  });

  it.each([
    ['an upper-case name', hpack.plain('Name', 'v')],
    ['an empty name', hpack.plain('', 'v')],
    ['a space in its name', hpack.plain('a b', 'v')],
    ['a lone colon', hpack.plain(':', 'v')],
    ['a line end in its value', hpack.plain('a', 'v\r\nx: y')],
    ['a zero in its value', hpack.plain('a', 'v\0')],
    ['a space before its value', hpack.plain('a', ' v')],
    ['a tab after its value', hpack.plain('a', 'v\t')],
  ])('tells of %s, each time that the field comes', (_name, field) => {
    const target = decoder();
    decode(target, field);
    expect(target.flawed).toBe(1);
    decode(target, Buffer.from([field[0]! | 0x40]), field.subarray(1));
    decode(target, hpack.indexed(62));
    expect(target.flawed).toBe(1);
    decode(target, hpack.indexed(2));
    expect(target.flawed).toBe(0);
  });

  it('may grow no larger than its limit, however often it repeats one large entry', () => {
    const target = decoder();
    decode(target, hpack.inserted('a', 'x'.repeat(4000)));
    const fields = decode(target, Buffer.alloc(100_000, hpack.indexed(62)))!;
    expect(target.overflown).toBe(true);
    expect(target.size).toBeGreaterThan(MAX_SIZE);
    expect(fields.join('').length).toBeLessThanOrEqual(MAX_SIZE);
    expect(decode(target, Buffer.alloc(100_000, hpack.indexed(2)))!.length).toBeLessThanOrEqual(8192);
  });

  it('never throws, never reads beyond its end, and costs no more than its budget', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }), fc.boolean(), fc.nat(20_000), (blocks, known, room) => {
        const budget = new ByteBudget(room);
        const target = decoder(known, budget);
        for (const block of blocks) if (decode(target, Buffer.from(block)) === null) break;
        target.release();
        expect(budget.used).toBe(0);
      }),
      CAP,
    );
  });
});

describe('a header table that was not seen from its beginning', () => {
  it('knows an entry by the insertions since, and no other', () => {
    const target = decoder(false);
    expect(decode(target, hpack.indexed(62))).toEqual([]);
    expect(target.unknown).toBe(1);
    expect(decode(target, hpack.inserted('a', '1'), hpack.inserted('b', '2'))).toEqual(['a', '1', 'b', '2']);
    expect(decode(target, hpack.indexed(62), hpack.indexed(63), hpack.indexed(64))).toEqual(['b', '2', 'a', '1']);
    expect(target.unknown).toBe(1);
  });

  it('keeps a value whose name is not known apart', () => {
    const target = decoder(false);
    expect(decode(target, hpack.inserted(70, 'value'))).toEqual([]);
    expect(target.unknown).toBe(1);
    expect(decode(target, hpack.indexed(62), hpack.plain(62, 'other'), hpack.inserted(62, 'third'))).toEqual([]);
    expect(target.unknown).toBe(3);
    expect(decode(target, hpack.inserted('a', '1'), hpack.plain(62, '2'))).toEqual(['a', '1', 'a', '2']);
    expect(target.unknown).toBe(0);
  });

  it('takes the static table for granted, and literals that are not inserted', () => {
    const target = decoder(false);
    expect(decode(target, hpack.indexed(2), hpack.plain(4, '/x'), hpack.never('k', 'v'))).toEqual([':method', 'GET', ':path', '/x', 'k', 'v']);
    expect(target.unknown).toBe(0);
  });

  it('is known from the moment at which the encoder empties it', () => {
    const target = decoder(false);
    expect(decode(target, hpack.resize(0), hpack.resize(4096), hpack.inserted('a', '1'))).toEqual(['a', '1']);
    expect(decode(target, hpack.indexed(63))).toBeNull();
  });

  it('is known once no unknown entry has room in it', () => {
    const target = decoder(false);
    decode(target, hpack.resize(128));
    decode(target, hpack.inserted('a', 'x'.repeat(40)));
    expect(decode(target, hpack.indexed(63))).toEqual([]);
    decode(target, hpack.inserted('b', 'x'.repeat(20)));
    expect(decode(target, hpack.indexed(64))).toBeNull();
  });

  it('refuses an index that no table can have', () => {
    expect(decode(decoder(false), hpack.indexed(62 + 2048))).toBeNull();
    expect(decode(decoder(false), hpack.resize(64), hpack.indexed(64))).toBeNull();
  });

  it('forgets what it knew when blocks were missed', () => {
    const target = decoder();
    decode(target, hpack.inserted('a', '1'));
    target.forget();
    expect(decode(target, hpack.indexed(62))).toEqual([]);
    expect(target.unknown).toBe(1);
  });

  it('is forgotten rather than kept beyond the budget', () => {
    const budget = new ByteBudget(3000);
    const target = decoder(true, budget);
    for (let i = 0; i < 40; i++) decode(target, hpack.inserted(`n${i}`, 'x'.repeat(40)));
    expect(budget.used).toBeLessThanOrEqual(3000);
    expect(decode(target, hpack.indexed(90))).toEqual([]);
    expect(target.unknown).toBe(1);
  });

  it('agrees with a table that was seen from its beginning in all that it knows, whatever the encoder does', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('insert' as const), name: fc.nat(3), value: fc.nat(300) }),
      fc.record({ kind: fc.constant('resize' as const), size: fc.constantFrom(0, 64, 200, 1000, 4096, 16_384) }),
      fc.record({ kind: fc.constant('refer' as const), to: fc.nat(200) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(40), (steps, joinAt) => {
        const whole = decoder();
        const joined = decoder(false);
        steps.forEach((action, i) => {
          let block: Buffer;
          if (action.kind === 'insert') block = hpack.inserted(`name${action.name}`, 'v'.repeat(action.value));
          else if (action.kind === 'resize') block = hpack.resize(action.size);
          else block = hpack.indexed(1 + action.to);
          const wanted = decode(whole, block);
          if (i < joinAt) return;
          // What the whole table refuses no encoder sends.
          if (wanted === null) {
            whole.forget();
            joined.forget();
            return;
          }
          const found = decode(joined, block);
          expect(found).not.toBeNull();
          if (joined.unknown === 0 && whole.unknown === 0) expect(found).toEqual(wanted);
          else expect(found).toEqual(joined.unknown > 0 ? [] : found);
        });
      }),
      CAP,
    );
  });
});
