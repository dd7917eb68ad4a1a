import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction, Segment } from '../../src/tap/segment.ts';
import { openSource } from '../../src/tap/source.ts';
import type { SegmentSource, Tap } from '../../src/tap/tap.ts';
import type { Recorded } from '../tap/ebpf/recorder.ts';

/** A copy of a segment, since the segment itself is refilled. */
export function recordOf(s: Segment, ring = 0): Recorded {
  return {
    ring, endpoint: s.endpoint, direction: s.direction as Direction, resync: s.resync, flags: s.flags, seq: s.seq,
    sport: s.sport, dport: s.dport, hash: s.hash, wireLength: s.wireLength, timeUs: s.timeUs,
    payload: Buffer.from(s.data.subarray(s.start, s.end)),
  };
}

/** Reads all rings of a started tap by hand. */
export class TapRecorder {
  readonly tap: Tap;
  readonly records: Recorded[] = [];
  readonly #sources: readonly SegmentSource[];

  private constructor(tap: Tap) {
    this.tap = tap;
    this.#sources = tap.sources.map((descriptor) => openSource(descriptor));
  }

  static async start(tap: Tap): Promise<TapRecorder> {
    await tap.start();
    return new TapRecorder(tap);
  }

  /** Takes all that is in the rings. */
  drain(onSegment: (segment: Segment, source: SegmentSource) => void = () => {}): void {
    this.#sources.forEach((source, ring) => {
      const handler = {
        onSegment: (segment: Segment): void => {
          this.records.push(recordOf(segment, ring));
          onSegment(segment, source);
        },
      };
      while (source.drain(handler, 1 << 20) > 0);
    });
  }

  /** Drains until `done`. @throws after five seconds */
  async until(done: () => boolean): Promise<void> {
    const deadline = performance.now() + 5000;
    for (;;) {
      this.drain();
      if (done()) return;
      if (performance.now() > deadline) throw new Error(`not within five seconds: ${done.toString()}`);
      await sleep(5);
    }
  }

  /** Drains for long enough to see what should not come. */
  async quiet(): Promise<void> {
    await sleep(150);
    this.drain();
  }

  get badRecords(): number {
    return this.#sources.reduce((sum, source) => sum + source.badRecords, 0);
  }

  /** Idempotent, as the tap's own `stop`. */
  async stop(): Promise<void> {
    this.#sources.forEach((source) => source.close());
    await this.tap.stop();
  }
}
