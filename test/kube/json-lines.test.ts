import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/kube/api-error.ts';
import { jsonLines } from '../../src/kube/json-lines.ts';

const EVENTS = [{ type: 'ADDED', object: { name: 'größer 😀', text: 'a\\nb' } }, { type: 'BOOKMARK', object: {} }, [1, null], 'text'];
const BYTES = Buffer.from(EVENTS.map((event) => `${JSON.stringify(event)}\n`).join(''));

async function* inChunks(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function read(...chunks: Uint8Array[]): Promise<unknown[]> {
  return collect(jsonLines(inChunks(...chunks)));
}

async function collect(values: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe('lines of JSON', () => {
  it('are read wherever they are split, in characters too', async () => {
    for (let at = 0; at <= BYTES.length; at++) expect(await read(BYTES.subarray(0, at), BYTES.subarray(at))).toEqual(EVENTS);
    for (const size of [1, 2, 3, 7]) {
      const pieces = Array.from({ length: Math.ceil(BYTES.length / size) }, (_, i) => BYTES.subarray(i * size, (i + 1) * size));
      expect(await read(...pieces)).toEqual(EVENTS);
    }
  });

  it('are given as they come, and one that has no end is left out', async () => {
    const values = jsonLines(inChunks(BYTES, Buffer.from('{"half":')));
    expect((await values.next()).value).toEqual(EVENTS[0]);
    expect(await collect(values)).toEqual(EVENTS.slice(1));
  });

  it('may be empty', async () => {
    expect(await read(Buffer.from('\n\n{}\n\n'))).toEqual([{}]);
  });

  it('end with an error where one is no JSON, and nothing is read after it', async () => {
    const values = jsonLines(inChunks(Buffer.from('{}\n{"a":}\n{}\n')));
    expect((await values.next()).value).toEqual({});
    await expect(values.next()).rejects.toThrow(ApiError);
    expect((await values.next()).done).toBe(true);
  });

  it('end with an error where one has no end', async () => {
    const piece = Buffer.alloc(1 << 20, 'x');
    await expect(read(...Array.from({ length: 17 }, () => piece))).rejects.toThrow(/more than 16777216 bytes/);
  });
});
