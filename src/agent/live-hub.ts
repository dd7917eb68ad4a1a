import type { EventStream } from '../admin/event-stream.ts';
import type { LiveFilter } from '../worker/live-exchange.ts';
import type { Watcher, WatchedExchanges } from '../worker/messages.ts';

/** Hears from the page which exchanges are wanted, and from workers what they saw; what one viewer does not take, nobody waits for. */
export class LiveHub {
  readonly #viewers = new Map<number, { readonly filter: LiveFilter; readonly stream: EventStream }>();
  readonly #onChange: (watchers: readonly Watcher[]) => void;
  #lastId = 0;

  /** @param onChange tells the workers for whom they are to look out; none: for nobody */
  constructor(onChange: (watchers: readonly Watcher[]) => void) {
    this.#onChange = onChange;
  }

  get watchers(): readonly Watcher[] {
    return Array.from(this.#viewers, ([id, { filter }]) => ({ id, filter }));
  }

  /** Until the viewer leaves, he is sent what fits his filter. */
  add(stream: EventStream, filter: LiveFilter): void {
    const id = ++this.#lastId;
    this.#viewers.set(id, { filter, stream });
    stream.onClose(() => {
      this.#viewers.delete(id);
      this.#onChange(this.watchers);
    });
    this.#onChange(this.watchers);
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
