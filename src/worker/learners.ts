import { Comparator } from '../compare/comparator.ts';
import { SpareBudget, type ByteBudget } from '../flow/budget.ts';
import type { Finding } from '../findings/data.ts';
import { Watchman } from '../findings/watchman.ts';
import type { Exchange } from '../http/exchange.ts';
import type { InsightData } from '../insight.ts';
import { Observer } from '../observe/observer.ts';
import { Sighting } from '../observe/sighting.ts';
import type { PolicySnapshot } from '../policy/snapshot.ts';
import { PathTemplates } from '../sketch/path-templates.ts';
import type { Onlooker } from './insight.ts';
import { Pairing } from './pairing.ts';
import { monotonicUs } from './wall-clock.ts';

/** Share of the room for captured content up to whose use answers are kept: mirroring goes first. */
const SPARE_SHARE = 1 / 2;

export interface LearnersOptions {
  /** Room for captured content, of which requests have as much as they need. */
  readonly budget: ByteBudget;
  /** Microseconds of the tap's clock to Unix time in milliseconds. */
  readonly toWallMs: (timeUs: number) => number;
  /** How long what is usual is learnt before a flood is called one. */
  readonly learnSeconds: number;
  /** Workers among which connections are shared out. */
  readonly workers: number;
}

/** All that one worker learns from the traffic beside mirroring it. */
export class Learners {
  readonly pairing: Pairing;
  readonly onlookers: readonly Onlooker[];
  readonly #templates = new PathTemplates();
  readonly #comparator: Comparator;
  readonly #observer: Observer;
  readonly #watchman: Watchman;

  constructor({ budget, toWallMs, learnSeconds, workers }: LearnersOptions) {
    const templates = this.#templates;
    const fold = (template: string): string => templates.fold(template);
    const spare = new SpareBudget(budget, SPARE_SHARE);
    this.#comparator = new Comparator({ memory: spare, fold });
    this.pairing = new Pairing({ comparator: this.#comparator, budget: spare, templateOf: ({ request }) => templates.of(request!.target) });
    this.#observer = new Observer(templates, { now: monotonicUs, toWallMs });
    this.#watchman = new Watchman({ toWallMs, fold, learnSeconds, workers });
    this.onlookers = [this.#observer, this.#watchman];
  }

  /** What the onlookers share of an exchange. */
  readonly sight = (exchange: Exchange): Sighting => new Sighting(exchange, this.#templates);

  /** Who is observed from now on; who is compared, the pipeline tells the pairing. */
  configure({ endpoints }: PolicySnapshot): void {
    this.#observer.configure(endpoints);
    this.#watchman.configure(endpoints);
  }

  /** What was found, or has grown tenfold, since the last call. */
  news(): Finding[] {
    return this.#watchman.news();
  }

  /** All that is known since the worker began. */
  data(): InsightData {
    return { compare: this.#comparator.data(), observe: this.#observer.data(), findings: this.#watchman.data() };
  }
}
