import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ShadowtapError } from '../../../src/errors.ts';
import { bytes } from '../frame/frames.ts';
import { BIG, Folder, LITTLE, readAll } from './captures.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const FRAME = Buffer.from('a frame of some length');
const TEMPLATES = [
  bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(FRAME, 1, 2), LITTLE.pcapRecord(FRAME, 3, 4)),
  bytes(BIG.section(), BIG.describe(1, BIG.option(9, Buffer.from([9]))), BIG.enhanced(FRAME, 0, 1), BIG.simple(FRAME), BIG.block(77, FRAME), BIG.obsolete(FRAME, 0, 1)),
];

describe('CaptureFile on hostile bytes', () => {
  it('ends, with the packets before the damage or with an error of its own', async () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...TEMPLATES), fc.array(mutation, { minLength: 1, maxLength: 8 }), fc.nat(40), async (template, mutations, cut) => {
        const copy = Buffer.from(template);
        for (const [at, value] of mutations) copy[at % copy.length] = value;
        try {
          const { packets } = await readAll(folder.write(copy.subarray(0, copy.length - cut), 'hostile.pcap'));
          for (const { frame, wireLength } of packets) expect(wireLength).toBeGreaterThanOrEqual(frame.length);
        } catch (error) {
          expect(error).toBeInstanceOf(ShadowtapError);
        }
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 8000, markInterruptAsFailure: false },
    );
  });
});
