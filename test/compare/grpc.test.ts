import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/compare/answer.ts';
import type { DiffSpec } from '../../src/compare/differ/rules.ts';
import { allOf, answer, differ, placesOf, question } from './differ-support.ts';

const CALL = question({ method: 'POST', target: '/shop.Orders/Get', template: '/shop.Orders/Get', grpc: true });

function message(content: Buffer, isCompressed = false): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = isCompressed ? 1 : 0;
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

/** A field of the wire format: of a number, a text, bytes, or a message. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

function call(content: Buffer | null, about: Partial<Answer> = {}): Answer {
  return answer({ headers: ['content-type', 'application/grpc'], trailers: ['grpc-status', '0'], body: content, ...about });
}

function places(production: Answer, mirror: Answer, spec: Partial<DiffSpec> = {}): string[] {
  return placesOf(differ(spec).differences(CALL, production, mirror));
}

/** Of two messages. */
function fields(production: Buffer[], mirror: Buffer[], spec: Partial<DiffSpec> = {}): string[] {
  return places(call(message(Buffer.concat(production))), call(message(Buffer.concat(mirror))), spec);
}

describe('a call', () => {
  it('differs by its status, and then by nothing else', () => {
    const failed = call(null, { trailers: ['grpc-status', '14', 'grpc-message', 'no backend'] });
    expect(allOf(differ().differences(CALL, call(message(field(1, 1))), failed))).toEqual([
      { where: 'trailer grpc-status', kind: 'grpc-status', production: '0 OK', mirror: '14 UNAVAILABLE' },
    ]);
  });

  it('has its status among the headers where it has nothing else', () => {
    const trailers = ['grpc-status', '5', 'grpc-message', 'none'];
    const [whole, alone] = [call(null, { trailers }), call(null, { headers: ['content-type', 'application/grpc+proto', ...trailers], trailers: [] })];
    expect(places(whole, alone)).toEqual([]);
    expect(places(whole, call(null, { trailers: ['grpc-status', '5', 'grpc-message', 'gone'] }))).toEqual(['trailer trailer grpc-message']);
    expect(places(whole, call(null, { trailers: ['grpc-status', '5', 'grpc-message', 'gone'] }), { headers: ['x'] })).toEqual(['trailer trailer grpc-message']);
  });

  it('is equal whether its messages are compressed or not', () => {
    const content = field(1, 'a text');
    const packed = call(message(gzipSync(content), true), { headers: ['content-type', 'application/grpc', 'grpc-encoding', 'gzip'] });
    expect(places(call(message(content)), packed)).toEqual(['added header grpc-encoding']);
    expect(places(call(message(content)), packed, { ignore: [{ header: 'grpc-encoding' }] })).toEqual([]);
  });

  it('cannot be compared where a message cannot be decompressed', () => {
    const broken = call(message(Buffer.from('x'), true), { headers: ['content-type', 'application/grpc', 'grpc-encoding', 'gzip'] });
    expect(differ().differences(CALL, call(message(field(1, 1))), broken)).toBe('encoding');
    expect(differ().differences(CALL, call(message(field(1, 1))), call(message(Buffer.from('x'), true)))).toBe('encoding');
  });

  it('differs by the number of its messages', () => {
    const one = message(field(1, 1));
    expect(places(call(one), call(Buffer.concat([one, one])))).toEqual(['length body']);
  });

  it('is compared by bytes where it is no sequence of messages', () => {
    expect(places(call(message(field(1, 1))), call(Buffer.from([0, 0, 0, 0, 9, 1])))).toEqual(['binary body']);
    expect(places(call(message(Buffer.from([7]))), call(message(Buffer.from([15]))))).toEqual(['binary body']);
  });
});

describe('a message without a schema', () => {
  it.each<[string, Buffer[], Buffer[], string[]]>([
    ['a number', [field(1, 1), field(2, 5)], [field(1, 1), field(2, 6)], ['field body /2']],
    ['a text', [field(3, 'PAID')], [field(3, 'OPEN')], ['field body /3']],
    ['a field of a message in it', [field(1, field(3, field(2, 1)))], [field(1, field(3, field(2, 300)))], ['field body /1/3/2']],
    ['a field that is missing', [field(1, 1), field(2, 1)], [field(1, 1)], ['missing body /2']],
    ['a field that is added', [field(1, field(1, 1))], [field(1, Buffer.concat([field(1, 1), field(2, 1)]))], ['added body /1/2']],
    ['a type', [field(1, 1)], [field(1, 'a')], ['type body /1']],
    ['how often a field is there', [field(1, 'a'), field(1, 'b')], [field(1, 'a')], ['length body /1']],
    ['the order of a list', [field(1, 'a'), field(1, 'b')], [field(1, 'b'), field(1, 'a')], ['order body /1']],
    ['nothing but the order of fields', [field(1, 1), field(2, 2)], [field(2, 2), field(1, 1)], []],
  ])('differs by %s', (_, production, mirror, expected) => {
    expect(fields(production, mirror)).toEqual(expected);
  });

  it('has maps, whose order says nothing', () => {
    const entry = (key: string, value: number): Buffer => field(7, Buffer.concat([field(1, key), field(2, value)]));
    expect(fields([entry('a', 1), entry('b', 2)], [entry('b', 2), entry('a', 1)])).toEqual([]);
    expect(fields([entry('a', 1), entry('b', 2)], [entry('b', 3), entry('a', 1)])).toEqual(['field body /7/2']);
    expect(fields([entry('a', 1), entry('b', 2)], [entry('c', 2), entry('a', 1)])).toEqual(['added body /7', 'missing body /7']);
  });

  it('can be told by pointers what to ignore', () => {
    expect(fields([field(1, field(9, 1)), field(2, 1)], [field(1, field(9, 2)), field(2, 2)], { ignore: [{ pointer: '/1/9' }] })).toEqual(['field body /2']);
  });

  it('shows numbers, and of texts and bytes what they are', () => {
    const shown = (production: Buffer, mirror: Buffer): string[] => {
      const [found] = allOf(differ().differences(CALL, call(message(production)), call(message(mirror))));
      return [found!.production, found!.mirror];
    };
    expect(shown(field(1, 1), field(1, 300))).toEqual(['1', '300']);
    expect(shown(field(1, 2 ** 52), field(1, 1))).toEqual(['4503599627370496', '1']);
    expect(shown(field(1, 'Erika'), field(1, 'x@example.com'))).toEqual(['text of 5 characters', 'e-mail address']);
    expect(shown(Buffer.from([0x0d, 0, 0, 0x80, 0x3f]), Buffer.from([0x0d, 0, 0, 0, 0x40]))).toEqual(['0x3f800000', '0x40000000']);
    expect(shown(field(1, Buffer.from([255])), field(1, Buffer.from([254])))[0]).toMatch(/^1 byte, sha256 /);
  });

  it('of any bytes ends, throws nothing, and differs exactly where bytes do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (a, b) => {
        const found = places(call(message(Buffer.from(a))), call(message(Buffer.from(a))));
        expect(found).toEqual([]);
        places(call(message(Buffer.from(a))), call(message(Buffer.from(b))));
        places(call(Buffer.from(a)), call(Buffer.from(b)));
      }),
      { numRuns: 2000, interruptAfterTimeLimit: 3000 },
    );
  });
});
