import type { SegmentHandler } from './segment.ts';
import type { SegmentSource } from './tap.ts';

export interface PumpOptions {
  /** Bytes of the ring per turn, after which timers and sockets have theirs. */
  readonly maxBytes?: number;
  /** Milliseconds between turns while there is traffic. */
  readonly busyMs?: number;
  /** Milliseconds between turns when there was none for a while: how late the first request after it is noticed. */
  readonly idleMs?: number;
  /** Called after each turn with the number of segments in it, possibly 0. */
  readonly afterDrain?: (segments: number) => void;
}

/** Share of the ring that is worth a turn without a pause; below it, waiting makes larger and cheaper batches. */
const BACKLOG = 1 / 64;

const DEFAULTS = { maxBytes: 256 * 1024, busyMs: 2, idleMs: 40 };

/**
 * Drains a source for as long as its thread lives.
 *
 * It polls: an event per packet would cost both us and the tapped process ten times as much as the packet itself. The
 * pause is `busyMs` after a turn that found something and doubles up to `idleMs` with each that did not; a ring that
 * fills quickly ends the pause through the `wake` word. A turn that stopped at `maxBytes` with a backlog behind it is
 * followed by the next one as soon as the event loop has been round once.
 */
export class Pump {
  readonly #source: SegmentSource;
  readonly #handler: SegmentHandler;
  readonly #wake: Int32Array<SharedArrayBuffer>;
  readonly #maxBytes: number;
  readonly #busyMs: number;
  readonly #idleMs: number;
  readonly #afterDrain: (segments: number) => void;
  #pause: number;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #running = false;
  #waiting = false;

  /** @param wake SourceDescriptor.wake of the source */
  constructor(source: SegmentSource, handler: SegmentHandler, wake: SharedArrayBuffer, options: PumpOptions = {}) {
    this.#source = source;
    this.#handler = handler;
    this.#wake = new Int32Array(wake);
    this.#maxBytes = options.maxBytes ?? DEFAULTS.maxBytes;
    this.#busyMs = options.busyMs ?? DEFAULTS.busyMs;
    this.#idleMs = options.idleMs ?? DEFAULTS.idleMs;
    this.#afterDrain = options.afterDrain ?? (() => {});
    this.#pause = this.#busyMs;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#turn();
  }

  /** Ends the polling; what is in the ring stays there. The source is not closed. */
  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#clear();
    Atomics.notify(this.#wake, 0);
  }

  readonly #turn = (): void => {
    this.#clear();
    const seen = Atomics.load(this.#wake, 0);
    const segments = this.#source.drain(this.#handler, this.#maxBytes);
    this.#afterDrain(segments);
    if (!this.#running) return;
    if (segments > 0 && this.#source.fill() > BACKLOG) {
      this.#immediate = setImmediate(this.#turn);
      return;
    }
    this.#pause = segments > 0 ? this.#busyMs : Math.min(this.#pause * 2, this.#idleMs);
    this.#timer = setTimeout(this.#turn, this.#pause);
    this.#awaitWake(seen);
  };

  /** One wait at a time: it outlives the pauses, until somebody wakes it. */
  #awaitWake(seen: number): void {
    if (this.#waiting) return;
    const wait = Atomics.waitAsync(this.#wake, 0, seen);
    if (!wait.async) {
      this.#onWake();
      return;
    }
    this.#waiting = true;
    void wait.value.then(() => {
      this.#waiting = false;
      this.#onWake();
    });
  }

  #onWake(): void {
    if (!this.#running || this.#immediate !== null) return;
    this.#clear();
    this.#immediate = setImmediate(this.#turn);
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }
}
