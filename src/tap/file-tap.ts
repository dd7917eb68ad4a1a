import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ShadowtapError } from '../errors.ts';
import { CaptureFile } from './capture/capture-file.ts';
import type { CapturedPacket } from './capture/packet.ts';
import { FrameDecoder } from './frame/decoder.ts';
import { LINK_TYPES } from './frame/link.ts';
import { OK, STATUS_NAMES } from './frame/status.ts';
import { Pace } from './pace.ts';
import { Segment, TO_CLIENT, TO_SERVER, UNKNOWN_DIRECTION, type SegmentHandler } from './segment.ts';

export interface FileTapOptions {
  /** `max` (default): as fast as possible; a number: the capture's own pace times it (2 is twice as fast). */
  readonly speed?: number | 'max';
  /** Only connections with one of these ports, which is then the server's. Default: all, with unknown direction. */
  readonly ports?: readonly number[];
  /** Awaited between slices of work (some milliseconds each): resolve when there is room for more. */
  readonly backpressure?: () => Promise<void>;
}

/** What became of the frames: `frames` is the sum of `segments`, `otherPorts` and all of `skipped`. */
export interface FileTapStats {
  readonly frames: number;
  /** Segments handed over. */
  readonly segments: number;
  /** Payload bytes handed over. */
  readonly bytes: number;
  /** TCP segments whose ports were not asked for. */
  readonly otherPorts: number;
  /** Frames without a segment, by reason (the names of DecodeStatus). */
  readonly skipped: Readonly<Record<string, number>>;
  /** IP datagrams given up because their fragments were lost, late or overlapping. */
  readonly droppedDatagrams: number;
  /** What is wrong with the file's tail (see CaptureFile.warning), or null. */
  readonly warning: string | null;
}

/** How long to work before timers and sockets get their turn. */
const SLICE_MS = 5;
/** Frames between two looks at the clock. */
const FRAMES_PER_LOOK = 64;
/** Long pauses are slept in steps, so that `stop` works. */
const LONGEST_SLEEP_MS = 200;

/** Delivers the TCP segments of a capture file (pcap or pcapng), in the file's order, on the calling thread. */
export class FileTap {
  readonly path: string;
  readonly #pace: Pace | null;
  readonly #ports: Uint8Array | null;
  readonly #backpressure: (() => Promise<void>) | null;
  readonly #decoder = new FrameDecoder();
  readonly #segment = new Segment();
  readonly #byStatus = new Float64Array(STATUS_NAMES.length);
  #frames = 0;
  #bytes = 0;
  #otherPorts = 0;
  #warning: string | null = null;
  #stopped = false;
  #unknownLinkType = -1;
  #sliceEnd = 0;

  constructor(path: string, options: FileTapOptions = {}) {
    this.path = path;
    const speed = options.speed === undefined || options.speed === 'max' ? Infinity : options.speed;
    if (!(speed > 0)) throw new RangeError(`speed must be above 0: ${speed}`);
    this.#pace = speed === Infinity ? null : new Pace(speed);
    this.#ports = options.ports === undefined ? null : portTable(options.ports);
    this.#backpressure = options.backpressure ?? null;
  }

  /**
   * Reads the file to its end, or until `stop`. Call once. What `handler` or `backpressure` throws ends the run.
   * A file whose tail is damaged ends where the damage begins; the statistics say so.
   * @throws ShadowtapError CAPTURE_FILE if the file cannot be read, CAPTURE_LINK_TYPE if none of its packets can be decoded
   */
  async run(handler: SegmentHandler): Promise<void> {
    const file = await CaptureFile.open(this.path);
    try {
      this.#sliceEnd = performance.now() + SLICE_MS;
      do {
        while (!this.#stopped && file.next()) {
          if (this.#pace !== null) await this.#keepPace(this.#pace, file.packet.timeUs);
          this.#deliver(file.packet, handler);
          if (this.#frames % FRAMES_PER_LOOK === 0 && performance.now() >= this.#sliceEnd) await this.#yield();
        }
      } while (!this.#stopped && (await file.refill()));
    } finally {
      this.#warning = file.warning;
      await file.close();
    }
    this.#refuseUnknownLinkType();
  }

  /** Ends `run` after the packet in hand. */
  stop(): void {
    this.#stopped = true;
  }

  stats(): FileTapStats {
    const skipped: Record<string, number> = {};
    for (const [status, name] of STATUS_NAMES.entries()) {
      if (status !== OK) skipped[name] = this.#byStatus[status]!;
    }
    return {
      frames: this.#frames,
      segments: this.#byStatus[OK]! - this.#otherPorts,
      bytes: this.#bytes,
      otherPorts: this.#otherPorts,
      skipped,
      droppedDatagrams: this.#decoder.fragments.dropped,
      warning: this.#warning,
    };
  }

  #deliver(packet: CapturedPacket, handler: SegmentHandler): void {
    const segment = this.#segment;
    segment.timeUs = packet.timeUs;
    const { data, start, end, wireLength, linkType } = packet;
    const status = this.#decoder.decode(data, start, end, wireLength, linkType, segment);
    this.#frames++;
    this.#byStatus[status]!++;
    if (status !== OK) {
      if (!LINK_TYPES.has(linkType)) this.#unknownLinkType = linkType;
      return;
    }
    if (!this.#direct(segment)) {
      this.#otherPorts++;
      return;
    }
    this.#bytes += segment.end - segment.start;
    handler.onSegment(segment);
  }

  /** Sets the direction. @returns false if the ports are not wanted */
  #direct(segment: Segment): boolean {
    const ports = this.#ports;
    if (ports === null) {
      segment.direction = UNKNOWN_DIRECTION;
      return true;
    }
    if (ports[segment.dport] === 1) segment.direction = TO_SERVER;
    else if (ports[segment.sport] === 1) segment.direction = TO_CLIENT;
    else return false;
    return true;
  }

  async #keepPace(pace: Pace, timeUs: number): Promise<void> {
    for (;;) {
      const wait = pace.aheadMs(timeUs);
      if (wait < 1 || this.#stopped) return;
      await sleep(Math.min(wait, LONGEST_SLEEP_MS));
      this.#sliceEnd = performance.now() + SLICE_MS;
    }
  }

  async #yield(): Promise<void> {
    await nextTurn();
    if (this.#backpressure !== null) await this.#backpressure();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }

  #refuseUnknownLinkType(): void {
    const someDecoded = this.#byStatus[OK]! > 0;
    if (this.#unknownLinkType === -1 || someDecoded) return;
    const known = [...new Set(LINK_TYPES.values())].join(', ');
    throw new ShadowtapError(
      'CAPTURE_LINK_TYPE',
      `${this.path} has link type ${this.#unknownLinkType}, which is not decoded; capture on an interface of one of these kinds: ${known}`,
    );
  }
}

function portTable(ports: readonly number[]): Uint8Array {
  const table = new Uint8Array(65536);
  for (const port of ports) table[port] = 1;
  return table;
}
