import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Rounds } from '../../src/controller/rounds.ts';

describe('rounds', () => {
  it('do not begin by themselves, and go on with the pause that each asks for', async () => {
    let count = 0;
    const rounds = new Rounds(async () => {
      count += 1;
      return 50;
    });
    await sleep(100);
    expect(count).toBe(0);
    rounds.hurry(0);
    await sleep(300);
    await rounds.stop();
    expect(count).toBeGreaterThan(2);
    expect(count).toBeLessThan(8);
    const stopped = count;
    rounds.hurry(0);
    await sleep(100);
    expect(count).toBe(stopped);
  });

  it('are one at a time, however often they are hurried, and none is lost', async () => {
    let running = 0;
    let most = 0;
    let count = 0;
    const rounds = new Rounds(async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(100);
      running -= 1;
      count += 1;
      return 60_000;
    });
    rounds.hurry(0);
    await sleep(30);
    for (let call = 0; call < 50; call += 1) rounds.hurry(1);
    await sleep(400);
    expect({ most, count }).toEqual({ most: 1, count: 2 });
    await rounds.stop();
  });

  it('come at the soonest of what was asked for', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let count = 0;
    const rounds = new Rounds(async () => {
      count += 1;
      return 60_000;
    });
    rounds.hurry(300);
    rounds.hurry(50);
    rounds.hurry(200);
    await vi.advanceTimersByTimeAsync(49);
    expect(count).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(count).toBe(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(count).toBe(1);
    await rounds.stop();
  });

  it('stop when the one under way has ended', async () => {
    let ended = false;
    const rounds = new Rounds(async () => {
      await sleep(150);
      ended = true;
      return 0;
    });
    rounds.hurry(0);
    await sleep(50);
    await rounds.stop();
    expect(ended).toBe(true);
  });
});
