import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Pump, type PumpOptions } from '../../src/tap/pump.ts';
import type { SegmentSource } from '../../src/tap/tap.ts';

/** A source whose drains are scripted: each call takes the next number, then 0 for ever. */
class Script implements SegmentSource {
  readonly badRecords = 0;
  readonly drainedAt: number[] = [];
  readonly #segments: number[];
  backlog = 0;

  constructor(...segments: number[]) {
    this.#segments = segments;
  }

  drain(): number {
    this.drainedAt.push(performance.now());
    return this.#segments.shift() ?? 0;
  }

  fill(): number {
    return this.backlog;
  }

  mute(): void {}
  close(): void {}
}

function pumpOf(source: Script, options: PumpOptions = {}): { pump: Pump; wake: Int32Array<SharedArrayBuffer> } {
  const wake = new SharedArrayBuffer(4);
  return { pump: new Pump(source, { onSegment: () => {} }, wake, options), wake: new Int32Array(wake) };
}

describe('Pump', () => {
  it('pauses longer and longer while nothing comes', async () => {
    const source = new Script();
    const { pump } = pumpOf(source, { busyMs: 2, idleMs: 64 });
    pump.start();
    await sleep(400);
    pump.stop();
    // 4 + 8 + 16 + 32 + 64 + 64 ...: about ten turns, where a pause of 2 ms would have made two hundred.
    expect(source.drainedAt.length).toBeGreaterThan(4);
    expect(source.drainedAt.length).toBeLessThan(16);
  });

  it('is at work again at once when the ring fills during a long pause', async () => {
    const source = new Script();
    const { pump, wake } = pumpOf(source, { busyMs: 10_000, idleMs: 20_000 });
    pump.start();
    expect(source.drainedAt).toHaveLength(1);
    for (const expected of [2, 3]) {
      Atomics.add(wake, 0, 1);
      Atomics.notify(wake, 0);
      await sleep(100);
      expect(source.drainedAt).toHaveLength(expected);
    }
    pump.stop();
  });

  it('does not miss a wake-up that comes while it drains', async () => {
    const source = new Script();
    const { pump, wake } = pumpOf(source, {
      busyMs: 10_000,
      idleMs: 20_000,
      afterDrain: () => {
        if (source.drainedAt.length === 1) Atomics.add(wake, 0, 1);
      },
    });
    pump.start();
    await sleep(50);
    expect(source.drainedAt).toHaveLength(2);
    pump.stop();
  });

  it('takes turns with the event loop while there is a backlog', async () => {
    const source = new Script(1, 1, 1, 1);
    source.backlog = 0.5;
    const { pump } = pumpOf(source, { busyMs: 10_000, idleMs: 20_000 });
    pump.start();
    expect(source.drainedAt).toHaveLength(1);
    await sleep(50);
    expect(source.drainedAt).toHaveLength(5);
    pump.stop();
  });

  it('waits for more when little is left, rather than take it in small bites', async () => {
    const source = new Script(1, 1, 1, 1);
    source.backlog = 0.001;
    const { pump } = pumpOf(source, { busyMs: 10_000, idleMs: 20_000 });
    pump.start();
    await sleep(50);
    expect(source.drainedAt).toHaveLength(1);
    pump.stop();
  });

  it('tells after each turn how many segments it had', async () => {
    const turns: number[] = [];
    const { pump } = pumpOf(new Script(3, 0), { busyMs: 1, idleMs: 1, afterDrain: (segments) => turns.push(segments) });
    pump.start();
    await sleep(50);
    pump.stop();
    expect(turns.slice(0, 3)).toEqual([3, 0, 0]);
  });

  it('does nothing after stop, not even when woken', async () => {
    const source = new Script();
    const { pump, wake } = pumpOf(source, { busyMs: 1, idleMs: 1 });
    pump.start();
    pump.stop();
    Atomics.add(wake, 0, 1);
    Atomics.notify(wake, 0);
    await sleep(50);
    expect(source.drainedAt).toHaveLength(1);
  });
});
