import type { Answer, NotCompared, Question } from '../compare/answer.ts';
import type { Comparator } from '../compare/comparator.ts';
import type { Difference } from '../compare/difference.ts';
import type { ByteBudget } from '../flow/budget.ts';
import { Link } from '../flow/link.ts';
import { BodyPool } from '../http/body.ts';
import type { Exchange } from '../http/exchange.ts';
import { TokenBucket } from '../mirror/token-bucket.ts';
import type { ComparedTarget } from './compared-target.ts';
import { Pair, type AnsweredCopy, type PairedTarget, type PairOwner } from './pair.ts';
import type { PairedCopy } from './paired-copy.ts';
import { RateSample } from './rate-sample.ts';
import { SpareTime } from './spare-time.ts';

/** Exchanges that wait for an answer of either side, and answers that wait to be compared. */
const MAX_PAIRS = 4_096;
const MAX_READY = 1_024;
/** Of the worker's time. */
const TIME_SHARE = 1 / 4;
/** Rough cost of one that waits, beside content: where answers are small, their number ends the wait. */
const ANSWERED_BYTES = 1_024;
/** What waits to be compared; weights are bytes. */
const GATHERED = { share: TIME_SHARE, maxWaiting: MAX_READY, gatherMs: 250, gatherWeight: 512 * 1024 };
/** Requests a second that are held against earlier ones; further ones would teach little that is new. */
const LEARNT = { perSecond: 200, burst: 200 };

/** Watches what becomes of copies, while it does; whatever it is given is borrowed until it returns. */
export interface PairWatcher {
  /**
   * @param answers null where they are not known, or not whole
   * @param found what they differ in, before anything is taken for noise; or why they were not compared
   * @param slot how the copy ended, an index of OUTCOME_SLOTS; -1 where nobody waited for that
   */
  saw(target: ComparedTarget, question: Question, answers: { readonly production: Answer | null; readonly mirror: Answer | null }, found: readonly Difference[] | NotCompared, slot: number): void;
}

export interface PairingOptions {
  readonly comparator: Comparator;
  /** Room for answers of either side, and for what waits for them. */
  readonly budget: ByteBudget;
  /** The path template of a request whose head is there. */
  readonly templateOf: (exchange: Exchange) => string;
  /** Uniform within [0, 1). */
  readonly random?: () => number;
}

/**
 * Brings production's answers and the mirrors' together, within bounds of number, bytes and time, and has them compared when
 * there is time. Of each copy that a compared target is offered the comparator hears once.
 */
export class Pairing implements PairOwner {
  /** null: nobody watches. */
  watcher: PairWatcher | null = null;
  readonly #comparator: Comparator;
  readonly #budget: ByteBudget;
  readonly #pool = new BodyPool();
  readonly #templateOf: (exchange: Exchange) => string;
  readonly #random: () => number;
  /** Those in the sample that wait, oldest first. */
  readonly #pairs = new Link<Pair>(null);
  readonly #ready = new SpareTime<AnsweredCopy>((answered) => this.#compare(answered), GATHERED);
  readonly #learning = new TokenBucket(LEARNT);
  /** By policy that compares. */
  #samples = new Map<string, RateSample>();
  #pending = 0;

  constructor({ comparator, budget, templateOf, random = Math.random }: PairingOptions) {
    this.#comparator = comparator;
    this.#budget = budget;
    this.#templateOf = templateOf;
    this.#random = random;
  }

  /** Exchanges that wait for an answer. */
  get pending(): number {
    return this.#pending;
  }

  /** From now on these are compared. @param targets by flat number */
  configure(targets: readonly (ComparedTarget | null)[]): void {
    const compared = targets.filter((target) => target !== null);
    this.#samples = new Map(compared.map(({ policy }) => [policy, this.#samples.get(policy) ?? new RateSample(this.#random)]));
    this.#comparator.configure(compared);
  }

  /**
   * A request was admitted, and its head is there.
   * @param numbers flat numbers of its targets
   * @param compared by flat number
   * @returns null where none of them is compared
   */
  open(exchange: Exchange, numbers: readonly number[], compared: readonly (ComparedTarget | null)[]): Pair | null {
    if (compared.length === 0) return null;
    const targets = this.#draw(exchange, numbers, compared);
    if (targets.length === 0) return null;
    const pair = new Pair(this, exchange, this.#templateOf(exchange), targets, this.#budget, this.#pool);
    if (!pair.isDrawn) return pair;
    const isFull = this.#pending >= MAX_PAIRS;
    this.#pending += 1;
    pair.link.moveTo(this.#pairs);
    if (isFull) pair.giveUp('memory');
    else pair.begin(exchange);
    return pair;
  }

  compare(ready: AnsweredCopy): boolean {
    return this.#ready.offer(ready, ANSWERED_BYTES + (ready.production.body?.length ?? 0) + ready.copy.keeper.length);
  }

  skip(target: ComparedTarget, question: Question, production: Answer | null, why: NotCompared, copy: PairedCopy | null): void {
    this.#comparator.skip(target.key, question, production, why);
    if (this.watcher === null) return;
    const mirror = copy === null || copy.slot < 0 || copy.missing !== null ? null : copy.answer();
    this.watcher.saw(target, question, { production, mirror }, why, copy?.slot ?? -1);
  }

  learns(nowMs: number): boolean {
    return !this.#ready.isPressed && this.#learning.take(nowMs);
  }

  over(pair: Pair): void {
    if (pair.isDrawn) this.#pending -= 1;
  }

  /** Gives up what production has not answered in time. Call it a few times a second. */
  tick(nowMs: number): void {
    let link = this.#pairs.next;
    while (link.owner !== null) {
      const pair = link.owner;
      // It may be over then.
      link = link.next;
      pair.tick(nowMs);
    }
  }

  /** Compares what waits. Once all exchanges and copies have ended, nothing is pending. */
  finish(): void {
    this.#ready.finish();
  }

  /** All of a policy's targets are compared for the same exchanges. */
  #draw(exchange: Exchange, numbers: readonly number[], compared: readonly (ComparedTarget | null)[]): PairedTarget[] {
    const targets: PairedTarget[] = [];
    for (const number of numbers) {
      const target = compared[number]!;
      if (target === null) continue;
      const last = targets.at(-1);
      const drawn = last?.target.policy === target.policy ? last.drawn : this.#isDrawn(target, exchange.request!.firstUs / 1_000);
      targets.push({ target, drawn });
    }
    return targets;
  }

  #isDrawn({ policy, share, perSecond }: ComparedTarget, nowMs: number): boolean {
    return this.#random() < share && this.#samples.get(policy)!.draw(nowMs, perSecond);
  }

  #compare({ pair, copy, production, atMs }: AnsweredCopy): void {
    const { target, keeper } = copy;
    this.#comparator.pressed = this.#ready.isPressed;
    if (keeper.connectUs >= 0) this.#comparator.connected(target.key, keeper.connectUs);
    const mirror = copy.answer();
    const found = this.#comparator.compare(target.key, pair.question, production, mirror, atMs);
    if (found !== null) this.watcher?.saw(target, pair.question, { production, mirror }, found, copy.slot);
    pair.done(copy);
  }
}
