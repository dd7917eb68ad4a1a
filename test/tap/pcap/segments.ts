import { connectionHash } from '../../../src/tap/frame/hash.ts';
import { sharedRing } from '../../../src/tap/ring/mapping.ts';
import { RingSource } from '../../../src/tap/ring/ring-source.ts';
import { SHARED_DATA_OFFSET } from '../../../src/tap/ring/abi.ts';
import { MuteQueue } from '../../../src/tap/ring/mute-queue.ts';
import { ACK, Segment, TO_CLIENT, TO_SERVER, type Direction } from '../../../src/tap/segment.ts';
import { RingWriter } from '../../../src/tap/pcap/ring-writer.ts';

/** A ring in plain memory with both of its ends. */
export class TestRing {
  readonly memory: ArrayBuffer;
  readonly writer: RingWriter;
  readonly source: RingSource;
  readonly mutes: MuteQueue;
  wakes = 0;

  /** @param position where both ends are at first */
  constructor(bytes: number, position = 0) {
    this.memory = new ArrayBuffer(SHARED_DATA_OFFSET + bytes);
    const ring = sharedRing(this.memory, bytes);
    ring.consumer[0] = BigInt(position);
    ring.producer[0] = position | 0;
    ring.producer[1] = Math.floor(position / 2 ** 32);
    this.writer = new RingWriter(this.memory, bytes);
    this.mutes = new MuteQueue(this.memory);
    this.source = new RingSource(ring, (segment, forever) => this.mutes.push(segment, forever));
  }

  readonly wake = (): void => {
    this.wakes++;
  };

  /** Payloads of what is in the ring, with a star where the flow was resynchronised. */
  drain(visit: (segment: Segment) => void = () => {}): string[] {
    const payloads: string[] = [];
    const onSegment = (segment: Segment): void => {
      visit(segment);
      payloads.push((segment.resync ? '*' : '') + segment.data.toString('latin1', segment.start, segment.end));
    };
    while (this.source.drain({ onSegment }, 1 << 30) > 0);
    return payloads;
  }
}

/** A segment between 10.0.0.1:`client` and 10.0.0.2:80. */
export function segmentOf(payload: string | Buffer, options: { direction?: Direction; client?: number; flags?: number; seq?: number } = {}): Segment {
  const { direction = TO_SERVER, client = 50000, flags = ACK, seq = 1 } = options;
  const segment = new Segment();
  const data = Buffer.from(payload);
  const [source, destination] = direction === TO_CLIENT ? [0x0200000a, 0x0100000a] : [0x0100000a, 0x0200000a];
  Object.assign(segment, {
    endpoint: 5, direction, flags, seq, ack: 99, src2: -65536, src3: source, dst2: -65536, dst3: destination,
    sport: direction === TO_CLIENT ? 80 : client, dport: direction === TO_CLIENT ? client : 80,
    data, start: 0, end: data.length, wireLength: data.length, timeUs: 5_000_000_123,
  });
  segment.hash = connectionHash(segment);
  return segment;
}
