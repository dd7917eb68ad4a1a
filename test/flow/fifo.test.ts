import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../src/flow/fifo.ts';

describe('a queue', () => {
  it('gives out what was put in, in order, as an array does', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(null), fc.nat()), { maxLength: 400 }), (steps) => {
        const fifo = new Fifo<number>();
        const array: number[] = [];
        for (const step of steps) {
          if (step === null) expect(fifo.shift()).toBe(array.shift());
          else [fifo, array].forEach((queue) => queue.push(step));
          expect([fifo.length, fifo.list()]).toEqual([array.length, array]);
        }
      }),
      { interruptAfterTimeLimit: 3_000 },
    );
  });

  it('gives out each of many, however they come and go', () => {
    const fifo = new Fifo<number>();
    let [next, expected] = [0, 0];
    for (let round = 0; round < 500; round++) {
      for (let i = 0; i < round % 90; i++) fifo.push(next++);
      for (let i = 0; i < (round * 7) % 90 && fifo.length > 0; i++) expect(fifo.shift()).toBe(expected++);
    }
    while (fifo.length > 0) expect(fifo.shift()).toBe(expected++);
    expect([expected, fifo.shift()]).toEqual([next, undefined]);
  });
});
