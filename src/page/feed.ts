import type { LiveBatch, LiveFilter } from '../worker/live-exchange.ts';

const AGAIN_MS = 1_500;

export interface FeedListener {
  onBatch(batch: LiveBatch): void;
  /** Batches that were left out because this page was too slow. */
  onMissed(count: number): void;
  onState(connected: boolean): void;
}

/** Exchanges as they happen, for as long as it is open; connects anew when the agent was away. */
export class Feed {
  readonly #listener: FeedListener;
  #source: EventSource | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: FeedListener) {
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#source !== null || this.#again !== undefined;
  }

  /** Another filter takes the place of the one before. */
  open(filter: LiveFilter): void {
    this.close();
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));
    const source = new EventSource(`exchanges?${query}`);
    this.#source = source;
    source.addEventListener('open', () => this.#listener.onState(true));
    source.addEventListener('batch', ({ data }: MessageEvent<string>) => this.#listener.onBatch(JSON.parse(data) as LiveBatch));
    source.addEventListener('missed', ({ data }: MessageEvent<string>) => this.#listener.onMissed(Number(data)));
    source.addEventListener('error', () => {
      this.#listener.onState(false);
      // A browser gives up after an answer that is no stream, such as that of an agent which is just starting.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      this.#source = null;
      this.#again = setTimeout(() => this.open(filter), AGAIN_MS);
    });
  }

  close(): void {
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#source?.close();
    this.#source = null;
    this.#listener.onState(false);
  }
}
