import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SpareTime } from '../../src/worker/spare-time.ts';

function spin(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('work in spare time', () => {
  it('is done in order, not while it is offered, and refused once too much waits', async () => {
    const done: number[] = [];
    const spare = new SpareTime<number>((item) => done.push(item), { share: 1 / 4, maxWaiting: 3 });
    expect([1, 2, 3, 4].map((item) => spare.offer(item))).toEqual([true, true, true, false]);
    expect([done, spare.waiting]).toEqual([[], 3]);
    await sleep(20);
    expect([done, spare.waiting]).toEqual([[1, 2, 3], 0]);
    expect(spare.offer(5)).toBe(true);
    spare.finish();
    expect([done, spare.waiting]).toEqual([[1, 2, 3, 5], 0]);
  });

  it('takes no more than its share of the time, and leaves gaps for what is urgent', async () => {
    let spentMs = 0;
    // Other programs may interrupt it.
    let longestItemMs = 0;
    const work = (): void => {
      const startMs = performance.now();
      spin(1);
      const tookMs = performance.now() - startMs;
      spentMs += tookMs;
      longestItemMs = Math.max(longestItemMs, tookMs);
    };
    const spare = new SpareTime<number>(work, { share: 1 / 10, maxWaiting: 10_000 });
    for (let i = 0; i < 2_000; i++) spare.offer(i);
    expect(spare.isPressed).toBe(false);
    const startMs = performance.now();
    let longestMs = 0;
    for (let lastMs = startMs; lastMs - startMs < 700; ) {
      await sleep(1);
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    }
    // What it may save up, a tenth of the time that has passed, and one item too many.
    expect(spentMs).toBeLessThan(100 + (performance.now() - startMs) / 10 + longestItemMs + 20);
    expect(spentMs).toBeGreaterThan(100);
    expect(longestMs).toBeLessThan(300);
    expect([spare.isPressed, spare.waiting > 1_000]).toEqual([true, true]);
  });
});
