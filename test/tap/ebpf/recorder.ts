import { setTimeout as sleep } from 'node:timers/promises';
import { EbpfTap, type EbpfTapOptions } from '../../../src/tap/ebpf/ebpf-tap.ts';
import { FIN, SYN, TO_SERVER, type Direction, type Segment } from '../../../src/tap/segment.ts';
import { openSource } from '../../../src/tap/source.ts';
import type { Endpoint, EndpointLocation, SegmentSource } from '../../../src/tap/tap.ts';
import { bpfObject } from '../../support/kernel.ts';

/** A segment, copied out of the ring. */
export interface Recorded {
  readonly ring: number;
  readonly endpoint: number;
  readonly direction: Direction;
  readonly resync: boolean;
  readonly flags: number;
  readonly seq: number;
  readonly sport: number;
  readonly dport: number;
  readonly hash: number;
  readonly wireLength: number;
  readonly timeUs: number;
  readonly payload: Buffer;
}

/** One direction of a connection, put together again. */
export interface Stream {
  bytes: Buffer;
  /** Jumps forward in the sequence numbers. */
  holes: number;
  finished: boolean;
}

/** A started tap whose rings are read by hand. */
export class Recorder {
  readonly tap: EbpfTap;
  readonly records: Recorded[] = [];
  readonly #sources: SegmentSource[] = [];

  constructor(options: EbpfTapOptions) {
    this.tap = new EbpfTap({ ...options, objectPath: bpfObject() });
  }

  static async start(options: EbpfTapOptions): Promise<Recorder> {
    const recorder = new Recorder(options);
    await recorder.tap.start();
    for (const descriptor of recorder.tap.sources) recorder.#sources.push(openSource(descriptor));
    return recorder;
  }

  /** Takes all that is in the rings. */
  drain(onSegment: (segment: Segment, source: SegmentSource) => void = () => {}): void {
    this.#sources.forEach((source, ring) => {
      const handler = {
        onSegment: (s: Segment): void => {
          this.records.push({
            ring, endpoint: s.endpoint, direction: s.direction as Direction, resync: s.resync, flags: s.flags, seq: s.seq,
            sport: s.sport, dport: s.dport, hash: s.hash, wireLength: s.wireLength, timeUs: s.timeUs,
            payload: Buffer.from(s.data.subarray(s.start, s.end)),
          });
          onSegment(s, source);
        },
      };
      while (source.drain(handler, 1 << 20) > 0);
    });
  }

  /** Drains until `done` or for two seconds, and a moment longer to see what should not come. */
  async settle(done: () => boolean = () => false): Promise<void> {
    const until = performance.now() + 2000;
    do {
      this.drain();
      await sleep(10);
    } while (!done() && performance.now() < until);
    await sleep(50);
    this.drain();
  }

  get badRecords(): number {
    return this.#sources.reduce((sum, source) => sum + source.badRecords, 0);
  }

  async stop(): Promise<void> {
    for (const source of this.#sources) source.close();
    await this.tap.stop();
  }
}

export function endpointAt(location: EndpointLocation, ports: readonly number[] = [8080], id = 7): Endpoint {
  return { id, name: `endpoint-${id}`, labels: {}, ports, location };
}

/** The client's port, which names the connection in tests with one server. */
export function clientPort(record: Recorded): number {
  return record.direction === TO_SERVER ? record.sport : record.dport;
}

/** Puts each direction of each connection together, by `clientPort:direction`. A RESYNC starts both anew, empty. */
export function streamsOf(records: readonly Recorded[]): Map<string, Stream> {
  const assemblies = new Map<string, Assembly>();
  for (const record of records) {
    const client = clientPort(record);
    if (record.resync) for (const direction of [0, 1]) assemblies.get(`${client}:${direction}`)?.restart();
    const key = `${client}:${record.direction}`;
    const assembly = assemblies.get(key) ?? new Assembly();
    assemblies.set(key, assembly);
    assembly.take(record);
  }
  return new Map(Array.from(assemblies, ([key, assembly]) => [key, assembly.end()]));
}

/** Puts one direction's payloads in order. The kernel may hand packets to two processors: a few come early. */
class Assembly {
  #next: number | null = null;
  #early: Recorded[] = [];
  readonly #parts: Buffer[] = [];
  #holes = 0;
  #finished = false;

  take(record: Recorded): void {
    if (record.flags & SYN) this.#next = (record.seq + 1) | 0;
    if (record.flags & FIN) this.#finished = true;
    if (record.payload.length === 0) return;
    this.#next ??= record.seq;
    this.#early.push(record);
    this.#join();
  }

  /** Whatever comes next is where the stream goes on. */
  restart(): void {
    this.#giveUp();
    this.#next = null;
  }

  end(): Stream {
    this.#giveUp();
    return { bytes: Buffer.concat(this.#parts), holes: this.#holes, finished: this.#finished };
  }

  #join(): void {
    for (let found = true; found; ) {
      found = false;
      this.#early = this.#early.filter(({ seq, payload }) => {
        const repeated = (this.#next! - seq) | 0;
        if (repeated < 0) return true;
        found = true;
        if (repeated < payload.length) {
          this.#parts.push(payload.subarray(repeated));
          this.#next = (seq + payload.length) | 0;
        }
        return false;
      });
    }
  }

  #giveUp(): void {
    if (this.#early.length > 0) this.#holes++;
    this.#early = [];
  }
}

/** The only connection's two directions. */
export function onlyConnection(records: readonly Recorded[]): { requests: Stream; responses: Stream } {
  const streams = streamsOf(records);
  const ports = new Set(records.map(clientPort));
  if (ports.size !== 1) throw new Error(`expected one connection, saw ${ports.size}`);
  const [port] = ports;
  const empty = { bytes: Buffer.alloc(0), holes: 0, finished: false };
  return { requests: streams.get(`${port}:0`) ?? empty, responses: streams.get(`${port}:1`) ?? empty };
}
