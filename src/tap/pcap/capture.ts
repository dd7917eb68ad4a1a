import { networkInterfaces } from 'node:os';
import { messageOf, ShadowtapError } from '../../errors.ts';
import { defaultInterfaces } from '../ebpf/hooks.ts';
import { interfaceIndex } from '../ebpf/libbpf.ts';
import { inNetns } from '../ebpf/netns.ts';
import { FrameDecoder } from '../frame/decoder.ts';
import { FRAGMENT, MALFORMED, OK, TRUNCATED } from '../frame/status.ts';
import { Segment } from '../segment.ts';
import type { Endpoint } from '../tap.ts';
import type { MonotonicClock } from './clock.ts';
import type { Copier } from './copier.ts';
import { counterIndex } from './counters.ts';
import { EndpointFilter, filterExpression } from './endpoint-filter.ts';
import { CaptureSession } from './session.ts';

const UNREADABLE = counterIndex('unreadable');
const LOOPBACK = 'lo';
/** A busy interface is drained in one go, which may take long: mutes are looked at meanwhile. */
const PACKETS_PER_LOOK = 1024;

export interface CaptureContext {
  readonly copier: Copier;
  readonly counters: Float64Array;
  readonly clock: MonotonicClock;
  readonly bufferBytes: number;
  /** Called every so often while packets flow. */
  look(): void;
}

/** All sessions of one endpoint. */
export class EndpointCapture {
  readonly endpoint: Endpoint;
  readonly #context: CaptureContext;
  readonly #filter: EndpointFilter;
  readonly #decoder = new FrameDecoder();
  readonly #segment = new Segment();
  readonly #sessions: CaptureSession[] = [];
  #packets = 0;

  /** @throws ShadowtapError ENDPOINT or TAP_ATTACH; nothing stays open then */
  constructor(endpoint: Endpoint, context: CaptureContext) {
    this.endpoint = endpoint;
    this.#context = context;
    this.#filter = new EndpointFilter(endpoint);
    const { location } = endpoint;
    const names = location.interfaces ?? defaultInterfaces(location);
    try {
      inNetns(location.netns, () => {
        for (const name of names) this.#open(name);
      });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Packets that the kernel dropped before they could be read. */
  lost(): number {
    return this.#sessions.reduce((sum, session) => sum + session.lost(), 0);
  }

  /** Idempotent. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  #open(name: string): void {
    const { location, ports } = this.endpoint;
    if (interfaceIndex(name) === 0) {
      // A pod without loopback is odd but can be tapped all the same.
      if (name === LOOPBACK && location.interfaces === undefined) return;
      throw new ShadowtapError('ENDPOINT', `there is no interface ${name} in ${location.netns ?? "the agent's own network namespace"}`);
    }
    // On loopback each packet goes out and comes in; libpcap shows it once, coming in.
    const bothWays = name === LOOPBACK || location.netns === undefined;
    const filter = filterExpression(ports, bothWays ? null : macOf(name));
    const { bufferBytes, look } = this.#context;
    try {
      this.#sessions.push(new CaptureSession(name, filter, bufferBytes, look, this.#onFrame));
    } catch (cause) {
      throw new ShadowtapError(
        'TAP_ATTACH',
        `libpcap cannot capture on ${name} for ${this.endpoint.name} (it takes CAP_NET_RAW): ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  readonly #onFrame = (frame: Buffer, end: number, wireLength: number, wallUs: number, linkType: number): void => {
    const segment = this.#segment;
    const context = this.#context;
    if (++this.#packets % PACKETS_PER_LOOK === 0) context.look();
    segment.timeUs = context.clock.toMonotonicUs(wallUs);
    const status = this.#decoder.decode(frame, 0, end, wireLength, linkType, segment);
    if (status === OK) {
      if (this.#filter.accept(segment)) context.copier.offer(segment);
    } else if (status === TRUNCATED || status === MALFORMED || status === FRAGMENT) {
      context.counters[UNREADABLE]!++;
    }
  };
}

/** Of an interface in the thread's namespace; null if it has none, as tunnels do. */
function macOf(name: string): string | null {
  const mac = networkInterfaces()[name]?.[0]?.mac;
  return mac === undefined || mac === '00:00:00:00:00:00' ? null : mac;
}
