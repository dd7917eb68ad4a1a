import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SpareTime } from '../../src/worker/spare-time.ts';

describe('work in spare time', () => {
  it('is done in order, not while it is offered, and refused once too much waits', async () => {
    const done: number[] = [];
    const spare = new SpareTime<number>((item) => done.push(item), { share: 1 / 4, maxWaiting: 3, gatherMs: 10, gatherWeight: Infinity });
    expect([1, 2, 3, 4].map((item) => spare.offer(item, 1))).toEqual([true, true, true, false]);
    expect([done, spare.waiting]).toEqual([[], 3]);
    await expect.poll(() => [done, spare.waiting]).toEqual([[1, 2, 3], 0]);
    expect(spare.offer(5, 1)).toBe(true);
    spare.finish();
    expect([done, spare.waiting]).toEqual([[1, 2, 3, 5], 0]);
  });

  it('takes no more than its share of the time, and leaves gaps for what is urgent', async () => {
    let nowMs = 0;
    let spentMs = 0;
    const work = (): void => {
      nowMs += 1;
      spentMs += 1;
    };
    const spare = new SpareTime<number>(work, { share: 1 / 10, maxWaiting: 10_000, gatherMs: 0, gatherWeight: 1, now: () => nowMs });
    for (let i = 0; i < 2_000; i++) spare.offer(i, 1);
    expect(spare.isPressed).toBe(false);
    let longestMs = 0;
    while (nowMs < 700) {
      const lastMs = nowMs;
      await nextTurn();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      nowMs += 0.02;
    }
    // What it may save up, a tenth of the time that has passed, and one item too many.
    expect(spentMs).toBeLessThanOrEqual(100 + 70 + 1);
    expect(spentMs).toBeGreaterThan(100);
    expect(longestMs).toBeLessThanOrEqual(3);
    expect([spare.isPressed, spare.waiting > 1_000]).toEqual([true, true]);
  });

  it('waits for company until that is heavy or the first has waited long enough, and then goes on until nothing waits', async () => {
    const done: string[] = [];
    const spare = new SpareTime<string>(
      (item) => {
        done.push(item);
        if (item === 'third') spare.offer('fourth', 1);
      },
      { share: 1 / 4, maxWaiting: 10, gatherMs: 60, gatherWeight: 10 },
    );
    spare.offer('first', 4);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    spare.offer('second', 5);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(done).toEqual([]);
    spare.offer('third', 1);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(done).toEqual(['first', 'second', 'third', 'fourth']);
    const offeredMs = performance.now();
    spare.offer('alone', 9);
    await expect.poll(() => done.at(-1), { interval: 5 }).toBe('alone');
    expect(performance.now() - offeredMs).toBeGreaterThanOrEqual(59);
  });
});
