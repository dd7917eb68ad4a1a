import type { LiveBatch, LiveExchange, LiveFilter } from '../worker/live-exchange.ts';
import { Feed } from './feed.ts';
import type { LiveModel, LiveRow } from './model.ts';

const MOST_ROWS = 100;
/** The list moves no faster than it can be looked at. */
const SHOW_EVERY_MS = 500;
/** Typing is not done until nothing was typed for so long. */
const TYPING_MS = 250;

const ALL: LiveFilter = { policy: '', template: '', method: '', statusClass: 0, onlyDifferent: false, text: '' };

/** The live exchanges: what came last, stopped while one of them is read. It listens only while its tab is seen. */
export class LiveList implements LiveModel {
  filter = ALL;
  paused = false;
  connected = false;
  rows: readonly LiveRow[] = [];
  selected: LiveRow | null = null;
  matchedRate = 0;
  leftRate = 0;
  missed = 0;
  readonly #onChange: () => void;
  readonly #feed: Feed;
  #incoming: LiveExchange[] = [];
  #matched = 0;
  #left = 0;
  #nextId = 1;
  #shownMs = performance.now();
  #isSeen = false;
  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#feed = new Feed({
      onBatch: (batch) => this.#take(batch),
      onMissed: (count) => (this.missed += count),
      onState: (connected) => {
        this.connected = connected;
        onChange();
      },
    });
  }

  /** Whether its tab is seen: nobody is listened to for nobody. */
  see(isSeen: boolean): void {
    if (this.#isSeen === isSeen) return;
    this.#isSeen = isSeen;
    this.#listen();
  }

  pause(paused: boolean): void {
    if (!paused) this.selected = null;
    if (this.paused !== paused) {
      this.paused = paused;
      this.#listen();
    }
    this.#onChange();
  }

  /** The list stops while one of it is read. */
  select(row: LiveRow | null): void {
    this.selected = row;
    if (row !== null) this.pause(true);
    this.#onChange();
  }

  narrow(change: Partial<LiveFilter>): void {
    this.filter = { ...this.filter, ...change };
    this.rows = [];
    this.selected = null;
    this.paused = false;
    this.#onChange();
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#listen(), 'text' in change ? TYPING_MS : 0);
  }

  #listen(): void {
    this.#incoming = [];
    this.#matched = this.#left = this.matchedRate = this.leftRate = 0;
    this.#shownMs = performance.now();
    if (this.#isSeen && !this.paused) this.#feed.open(this.filter);
    else this.#feed.close();
  }

  #take({ matched, left, items }: LiveBatch): void {
    this.#matched += matched;
    this.#left += left;
    this.#incoming = [...this.#incoming, ...items].slice(-MOST_ROWS);
    const nowMs = performance.now();
    const seconds = (nowMs - this.#shownMs) / 1000;
    if (seconds * 1000 < SHOW_EVERY_MS) return;
    this.matchedRate = this.#matched / seconds;
    this.leftRate = this.#left / seconds;
    const fresh = this.#incoming.map((exchange): LiveRow => ({ id: this.#nextId++, exchange })).reverse();
    this.rows = [...fresh, ...this.rows].slice(0, MOST_ROWS);
    this.#incoming = [];
    this.#matched = this.#left = 0;
    this.#shownMs = nowMs;
    this.#onChange();
  }
}
