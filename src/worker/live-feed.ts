import type { Answer, NotCompared, Question } from '../compare/answer.ts';
import type { Difference } from '../compare/difference.ts';
import { OUTCOME_SLOTS } from '../ledger/outcomes.ts';
import type { Redactor } from '../mirror/redact.ts';
import type { LiveExchange, LiveFilter, LiveVerdict } from './live-exchange.ts';
import { visibleAnswer, visiblePath } from './live-redactor.ts';
import type { NoisyEndpoint, WatchedExchanges, Watcher } from './messages.ts';

/** Exchanges that a viewer is shown a second, by all workers together. */
const SHOWN_PER_SECOND = 50;
export const BATCH_MS = 250;
const MOST_DIFFERENCES = 32;

/** What of a compared target the feed needs to know. */
export interface LiveTarget {
  readonly policy: string;
  readonly target: string;
  /** false for `examples: None`: no values are shown. */
  readonly examples: boolean;
  readonly redactor: Redactor | null;
}

export interface LiveFeedOptions {
  /** Contents are shown as well. */
  readonly bodies: boolean;
  /** Workers that share what is shown. */
  readonly workers: number;
  readonly send: (batches: readonly WatchedExchanges[]) => void;
}

/** null where it is not known, or not whole. */
interface BothAnswers {
  readonly production: Answer | null;
  readonly mirror: Answer | null;
}

/** What two answers differ in, or why they were not compared. */
type Found = readonly Difference[] | NotCompared;

/** A viewer, and what is to be sent to him. */
interface Viewer {
  readonly watcher: Watcher;
  /** How many may be taken now. */
  tokens: number;
  matched: number;
  left: number;
  items: LiveExchange[];
}

/**
 * Shows exchanges to whoever watches: of those that fit his filter some, evenly over time, at a bounded rate. Only what is taken is
 * redacted and copied. While nobody watches, it should not be asked at all.
 */
export class LiveFeed {
  readonly #options: LiveFeedOptions;
  /** In a batch. */
  readonly #share: number;
  #viewers: readonly Viewer[] = [];
  /** Kinds and places that are noise, by target and endpoint. */
  #noise: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
    this.#share = Math.max(1, (SHOWN_PER_SECOND * BATCH_MS) / 1000 / options.workers);
  }

  get isWatched(): boolean {
    return this.#viewers.length > 0;
  }

  /** From now on these watch. Who watched before with the same filter goes on. */
  watch(watchers: readonly Watcher[], noise: readonly NoisyEndpoint[]): void {
    const before = new Map(this.#viewers.map((viewer) => [viewer.watcher.id, viewer]));
    this.#viewers = watchers.map((watcher) => before.get(watcher.id) ?? { watcher, tokens: this.#share, matched: 0, left: 0, items: [] });
    this.#noise = new Map(noise.map(({ policy, target, method, template, places }) => [keyOf(policy, target, method, template), new Set(places)]));
    if (this.#timer !== null && !this.isWatched) {
      clearInterval(this.#timer);
      this.#timer = null;
    } else if (this.#timer === null && this.isWatched) {
      this.#timer = setInterval(() => this.#flush(), BATCH_MS);
      this.#timer.unref();
    }
  }

  /** See PairWatcher; all of it is borrowed. */
  saw(target: LiveTarget, question: Question, answers: BothAnswers, found: Found, slot: number): void {
    let exchange: LiveExchange | null = null;
    const verdict = this.#verdict(target, question, found);
    for (const viewer of this.#viewers) {
      if (!fits(viewer.watcher.filter, target, question, answers, verdict)) continue;
      viewer.matched += 1;
      if (viewer.tokens < 1) {
        viewer.left += 1;
        continue;
      }
      viewer.tokens -= 1;
      viewer.items.push((exchange ??= this.#visible(target, question, answers, found, verdict, slot)));
    }
  }

  #verdict({ policy, target }: LiveTarget, { method, template }: Question, found: Found): LiveVerdict {
    if (typeof found === 'string') return found;
    if (found.length === 0) return 'equal';
    const noise = this.#noise.get(keyOf(policy, target, method, template));
    return noise !== undefined && found.every((difference) => noise.has(placeOf(difference))) ? 'noise' : 'different';
  }

  #visible(from: LiveTarget, question: Question, { production, mirror }: BothAnswers, found: Found, verdict: LiveVerdict, slot: number): LiveExchange {
    const { policy, target, redactor, examples } = from;
    const visibility = { redactor, values: examples, bodies: this.#options.bodies };
    const { outcome, reason } = OUTCOME_SLOTS[slot] ?? { outcome: '', reason: '' };
    return {
      atMs: Date.now(),
      policy,
      target,
      method: question.method,
      path: visiblePath(question, visibility),
      template: question.template,
      verdict,
      outcome: `${outcome} ${reason}`.trim(),
      differences: typeof found === 'string' ? [] : found.slice(0, MOST_DIFFERENCES).map(copyOf),
      production: production === null ? null : visibleAnswer(production, visibility),
      mirror: mirror === null ? null : visibleAnswer(mirror, visibility),
    };
  }

  #flush(): void {
    const batches = this.#viewers.map((viewer): WatchedExchanges => {
      const { watcher, matched, left, items } = viewer;
      viewer.matched = viewer.left = 0;
      viewer.items = [];
      // What was not used may be made up for once, so that rare exchanges are all seen.
      viewer.tokens = Math.min(viewer.tokens + this.#share, 2 * this.#share);
      return { id: watcher.id, batch: { matched, left, items } };
    });
    this.#options.send(batches);
  }
}

/** Differences are used again by the next comparison, and write their texts out when they are asked. */
function copyOf({ where, kind, production, mirror, random = false }: Difference): Difference {
  return { where, kind, production, mirror, random };
}

/** How a place is named among those that are noise. */
export function placeOf({ kind, where }: Pick<Difference, 'kind' | 'where'>): string {
  return `${kind} ${where}`;
}

function keyOf(policy: string, target: string, method: string, template: string): string {
  return `${policy}\n${target}\n${method}\n${template}`;
}

function fits(filter: LiveFilter, target: LiveTarget, question: Question, { production, mirror }: BothAnswers, verdict: LiveVerdict): boolean {
  const { policy, template, method, statusClass, onlyDifferent, text } = filter;
  if (onlyDifferent && verdict !== 'different') return false;
  if (policy !== '' && target.policy !== policy) return false;
  if (template !== '' && question.template !== template) return false;
  if (method !== '' && question.method !== method) return false;
  if (statusClass !== 0 && classOf(production) !== statusClass && classOf(mirror) !== statusClass) return false;
  return text === '' || pathOf(question.target).toLowerCase().includes(text);
}

/** Without its query, which may hold what even a trusted viewer is not to find out by trying. */
function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

function classOf(answer: Answer | null): number {
  return answer === null ? 0 : Math.floor(answer.status / 100);
}
