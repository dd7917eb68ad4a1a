import { closeSync, ftruncateSync } from 'node:fs';
import { createMemfd, mapShared, type Mapping } from '../ebpf/libbpf.ts';
import { messageOf, ShadowtapError } from '../../errors.ts';
import { SHARED_DATA_OFFSET } from '../ring/abi.ts';
import type { Endpoint, EndpointLocation, SourceDescriptor, Tap, TapStats } from '../tap.ts';
import { CaptureProcess } from './child-process.ts';
import { counterIndex, COUNTER_BYTES, type CounterName } from './counters.ts';

export interface PcapTapOptions {
  /** One for each worker. */
  readonly rings: number;
  /** Size of each ring's data area: a power of two. Default 16 MiB. */
  readonly ringBytes?: number;
  /** Kernel buffer for each tapped interface. Default 8 MiB. */
  readonly bufferBytes?: number;
  /**
   * The capturing process ended by itself. The rings stay, with what is in them, and so do the endpoints: `start` brings
   * it back, and everything is attached again.
   */
  readonly onFailure?: (error: ShadowtapError) => void;
}

const DEFAULT_RING_BYTES = 16 << 20;
const DEFAULT_BUFFER_BYTES = 8 << 20;

/**
 * Captures with libpcap, for nodes where BPF programs are refused. libpcap runs in a process of its own, because its
 * binding does not yield while packets come; it writes into rings in shared memory that workers read in place.
 *
 * Weaker than the BPF taps: under overload the kernel drops packets at random (`lost`), and flows then have holes.
 * Frames with a VLAN tag of their own are not seen.
 */
export class PcapTap implements Tap {
  readonly name = 'pcap';
  readonly #options: PcapTapOptions;
  readonly #ringBytes: number;
  readonly #endpoints = new Map<number, Endpoint>();
  #sources: SourceDescriptor[] = [];
  #countersFd = -1;
  #counters: Mapping | null = null;
  #finalCounters: Float64Array = new Float64Array(COUNTER_BYTES / 8);
  #process: CaptureProcess | null = null;

  constructor(options: PcapTapOptions) {
    this.#options = options;
    this.#ringBytes = options.ringBytes ?? DEFAULT_RING_BYTES;
    if (!Number.isInteger(Math.log2(this.#ringBytes))) throw new RangeError(`ringBytes must be a power of two: ${this.#ringBytes}`);
  }

  get sources(): readonly SourceDescriptor[] {
    return this.#sources;
  }

  /** The capturing process, -1 while there is none. */
  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  /** Also after a failure: see `onFailure`. Endpoints that have vanished meanwhile are forgotten. */
  async start(): Promise<void> {
    if (this.#process !== null) return;
    if (this.#sources.length === 0) this.#createMemory();
    const wakes = this.#sources.map(({ wake }) => new Int32Array(wake));
    const fds = [this.#countersFd, ...this.#sources.map(({ fd }) => fd)];
    const started = new CaptureProcess(
      fds,
      (ring) => {
        const word = wakes[ring];
        if (word === undefined) return;
        Atomics.add(word, 0, 1);
        Atomics.notify(word, 0);
      },
      (error) => {
        if (this.#process !== started) return;
        this.#process = null;
        this.#options.onFailure?.(error);
      },
    );
    try {
      await started.start({
        ringBytes: this.#ringBytes,
        rings: this.#sources.length,
        bufferBytes: this.#options.bufferBytes ?? DEFAULT_BUFFER_BYTES,
      });
    } catch (cause) {
      await started.end();
      const [reason] = messageOf(cause).split('\n');
      throw new ShadowtapError(
        'TAP_UNAVAILABLE',
        `the pcap tap's process does not start: ${reason} (the native module \`pcap\` must have been built for this Node: run \`npm run setup\`)`,
        { cause },
      );
    }
    const isStopped = this.#sources.length === 0;
    if (isStopped) return started.end();
    this.#process = started;
    for (const endpoint of [...this.#endpoints.values()]) await this.#attachAgain(started, endpoint);
  }

  async #attachAgain(process: CaptureProcess, endpoint: Endpoint): Promise<void> {
    try {
      await process.attach(endpoint);
    } catch {
      const hasVanished = process === this.#process;
      if (hasVanished) this.#endpoints.delete(endpoint.id);
    }
  }

  async attach(endpoint: Endpoint): Promise<void> {
    if (this.#process === null) throw new ShadowtapError('TAP_ATTACH', 'the pcap tap is not running: start it first');
    await this.#process.attach(endpoint);
    this.#endpoints.set(endpoint.id, endpoint);
  }

  moved(endpointId: number, location: EndpointLocation): void {
    const endpoint = this.#endpoints.get(endpointId);
    if (endpoint !== undefined) this.#endpoints.set(endpointId, { ...endpoint, location });
  }

  async detach(endpointId: number): Promise<void> {
    this.#endpoints.delete(endpointId);
    await this.#process?.detach(endpointId);
  }

  stats(): TapStats {
    const counters = this.#counters === null ? this.#finalCounters : new Float64Array(this.#counters.memory);
    const of = (name: CounterName): number => counters[counterIndex(name)]!;
    return {
      seen: of('seen'),
      copied: of('copied'),
      bytes: of('bytes'),
      shed: of('shed'),
      shedFlows: of('shedFlows'),
      notHttp: of('notHttp') + of('awaiting'),
      notHttpFlows: of('mutedFlows'),
      lost: of('lost') + of('unreadable'),
      programNs: 0,
      programRuns: 0,
    };
  }

  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    this.#endpoints.clear();
    await process?.end();
    if (this.#counters !== null) {
      this.#finalCounters = new Float64Array(this.#counters.memory).slice();
      this.#counters.unmap();
      this.#counters = null;
    }
    if (this.#countersFd >= 0) closeSync(this.#countersFd);
    this.#countersFd = -1;
    for (const { fd } of this.#sources.splice(0)) closeSync(fd);
  }

  #createMemory(): void {
    this.#countersFd = createMemory('shadowtap-counters', COUNTER_BYTES);
    this.#counters = mapShared(this.#countersFd, 0, COUNTER_BYTES, true);
    this.#sources = Array.from({ length: this.#options.rings }, (_, i) => ({
      kind: 'shared',
      fd: createMemory(`shadowtap-ring-${i}`, SHARED_DATA_OFFSET + this.#ringBytes),
      bytes: this.#ringBytes,
      muteFd: -1,
      wake: new SharedArrayBuffer(4),
    }));
  }
}

function createMemory(name: string, bytes: number): number {
  const fd = createMemfd(name);
  ftruncateSync(fd, bytes);
  return fd;
}
