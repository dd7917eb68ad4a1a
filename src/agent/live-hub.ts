import type { EventStream } from '../admin/event-stream.ts';
import type { Report } from '../compare/report.ts';
import type { LiveFilter } from '../worker/live-exchange.ts';
import { placeOf } from '../worker/live-feed.ts';
import type { NoisyEndpoint, WatchedExchanges, WatchMessage } from '../worker/messages.ts';

export interface LiveHubOptions {
  /** Tells all workers. */
  readonly tell: (message: WatchMessage) => void;
  /** What is known of noise is in it. */
  readonly report: () => Promise<Report>;
}

/** What is known of noise may be so old. */
const NOISE_MS = 3_000;

/** Hears from the page which exchanges are wanted, and from workers what they saw; what one viewer does not take, nobody waits for. */
export class LiveHub {
  readonly #options: LiveHubOptions;
  readonly #viewers = new Map<number, { readonly filter: LiveFilter; readonly stream: EventStream }>();
  #noise: readonly NoisyEndpoint[] = [];
  #lastId = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LiveHubOptions) {
    this.#options = options;
  }

  /** For whom workers are to look out; also what a worker that starts has to be told. */
  get message(): WatchMessage {
    return { kind: 'watch', watchers: Array.from(this.#viewers, ([id, { filter }]) => ({ id, filter })), noise: this.#noise };
  }

  /** Until the viewer leaves, he is sent what fits his filter. */
  add(stream: EventStream, filter: LiveFilter): void {
    const id = ++this.#lastId;
    this.#viewers.set(id, { filter, stream });
    stream.onClose(() => {
      this.#viewers.delete(id);
      if (this.#viewers.size === 0) this.#rest();
      this.#options.tell(this.message);
    });
    this.#options.tell(this.message);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => void this.#learnNoise(), NOISE_MS);
    void this.#learnNoise();
  }

  /** From one worker: for each viewer what it saw. */
  pass(batches: readonly WatchedExchanges[]): void {
    for (const { id, batch } of batches) {
      const viewer = this.#viewers.get(id);
      if (viewer === undefined || !viewer.stream.send('batch', JSON.stringify(batch))) continue;
      const missed = viewer.stream.takeMissed();
      if (missed > 0) viewer.stream.send('missed', String(missed));
    }
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #learnNoise(): Promise<void> {
    // Without a report, as while the agent stops, what is known stays.
    const report = await this.#options.report().catch(() => null);
    if (report === null || this.#viewers.size === 0) return;
    this.#noise = noisyEndpoints(report);
    this.#options.tell(this.message);
  }
}

/** What a report takes for noise, for workers to know it by. */
export function noisyEndpoints({ policies }: Report): NoisyEndpoint[] {
  return policies.flatMap(({ policy, target, endpoints }) =>
    endpoints
      .filter(({ noise }) => noise.length > 0)
      .map(({ method, template, noise }) => ({ policy, target, method, template, places: noise.map(placeOf) })),
  );
}

const MOST_TEXT = 256;

/** As the page asks, `exchanges?policy=...`; what makes no sense is not asked for. */
export function liveFilter(query: URLSearchParams): LiveFilter {
  const text = (name: string): string => (query.get(name) ?? '').slice(0, MOST_TEXT);
  const statusClass = Number(query.get('statusClass'));
  return {
    policy: text('policy'),
    template: text('template'),
    method: text('method'),
    statusClass: Number.isInteger(statusClass) && statusClass >= 1 && statusClass <= 5 ? statusClass : 0,
    onlyDifferent: query.get('onlyDifferent') === 'true',
    text: text('text').toLowerCase(),
  };
}
