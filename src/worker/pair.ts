import type { Answer, NotCompared, Question } from '../compare/answer.ts';
import type { ByteBudget } from '../flow/budget.ts';
import { Link } from '../flow/link.ts';
import type { BodyPool } from '../http/body.ts';
import type { BodySink, Exchange, HttpRequest } from '../http/exchange.ts';
import { isGrpc } from '../http/grpc.ts';
import { AnswerKeeper } from '../mirror/answer-keeper.ts';
import type { CopyListener } from '../mirror/copy.ts';
import { usualMethod } from '../observe/sighting.ts';
import { CallDigest } from './call-digest.ts';
import type { ComparedTarget } from './compared-target.ts';
import { PairedCopy, type MirrorSide } from './paired-copy.ts';
import { ProductionAnswer, type ProductionSide } from './production-answer.ts';
import { questionKey } from './question.ts';

/** So long after the mirror would have had to answer, production's answer is given up. */
const PATIENCE_MS = 30_000;
/** Rough cost of its objects, beside texts. */
const PAIR_BYTES = 1_024;

/**
 * A copy that both have answered. A class, as all that waits here: literals that have waited long once are made among old objects by
 * V8 from then on, where they keep all that they hold until the next full collection.
 */
export class AnsweredCopy {
  readonly pair: Pair;
  readonly copy: PairedCopy;
  readonly production: Answer;
  /** When the later of both answers was whole, Unix time in milliseconds. */
  readonly atMs = Date.now();

  constructor(pair: Pair, copy: PairedCopy, production: Answer) {
    this.pair = pair;
    this.copy = copy;
    this.production = production;
  }
}

/** Whom a pair tells what becomes of its copies. */
export interface PairOwner {
  /**
   * Both answers are whole, and stay what they are until the pair's `done` is called, which has to follow.
   * @returns false where there is no time to compare them
   */
  compare(answered: AnsweredCopy): boolean;
  /**
   * There is nothing to compare.
   * @param production null where its answer is not known
   * @param copy null where nobody waited for its answer
   */
  skip(target: ComparedTarget, question: Question, production: Answer | null, why: NotCompared, copy: PairedCopy | null): void;
  /** Whether production's answer to a request that has come just now may be learnt from. */
  learns(nowMs: number): boolean;
  /** Nobody waits for it any more, and all that it held is given back. */
  over(pair: Pair): void;
}

/** A target that is compared, and whether the sample has the exchange in it. */
export interface PairedTarget {
  readonly target: ComparedTarget;
  readonly drawn: boolean;
}

/**
 * An exchange of production whose answer is held against those of its mirrors: from the request's head on until all of them have
 * been told of. Each copy that is offered is told of once, by `compare` or by `skip`.
 */
export class Pair implements MirrorSide, ProductionSide {
  readonly question: Omit<Question, 'key'> & { key: string };
  readonly link = new Link<Pair>(this);
  /** The sample has the exchange in it, for one target at least. */
  readonly isDrawn: boolean = false;
  /** What production answered, or why that is of no use; null while it is not known. */
  production: Answer | NotCompared | null = null;
  readonly #owner: PairOwner;
  readonly #budget: ByteBudget;
  readonly #pool: BodyPool;
  readonly #targets: readonly PairedTarget[];
  readonly #answer: ProductionAnswer;
  /** Offered, and not done with. */
  readonly #copies: PairedCopy[] = [];
  #call: CallDigest | null = null;
  /** What it costs beside answers. */
  readonly #bytes: number;
  /** Taken from the budget. */
  #room = 0;
  /** One of its targets learns what is noise. */
  #learns = false;
  /** How long production may take. */
  #patienceMs = 0;
  #deadlineMs = Infinity;
  #offering = true;
  #over = false;

  /** @param budget room for answers of either side, and for what waits for them @param pool for their content */
  constructor(owner: PairOwner, exchange: Exchange, template: string, targets: readonly PairedTarget[], budget: ByteBudget, pool: BodyPool) {
    const { method, target, headers, headBytes } = exchange.request!;
    const grpc = exchange.protocol === 'h2' && isGrpc(headers);
    let largest = 0;
    for (const { target: each, drawn } of targets) {
      if (!drawn) continue;
      this.isDrawn = true;
      this.#learns ||= each.learnNoise;
      largest = Math.max(largest, each.maxBodyBytes);
      this.#patienceMs = Math.max(this.#patienceMs, PATIENCE_MS + each.timeoutMs);
    }
    this.#owner = owner;
    this.question = { method: usualMethod(method), target, template, key: '', grpc };
    this.#targets = targets;
    this.#budget = budget;
    this.#pool = pool;
    this.#answer = new ProductionAnswer(this, largest, budget, pool, grpc);
    this.#bytes = PAIR_BYTES + headBytes;
  }

  /** It waits for production from now on. */
  begin({ response }: Exchange): void {
    // A call may go on for hours before its request is whole.
    if (this.question.grpc) this.#setDeadline(performance.now());
    // Of an answer that came first nobody has kept the beginning.
    if (response !== null) this.giveUp('incomplete');
    else if (this.#budget.take(this.#bytes)) this.#room = this.#bytes;
    else this.giveUp('memory');
  }

  /** Of a call that is offered before its content has come: what wants to see it. */
  follow(): BodySink | null {
    if (!this.isDrawn) return null;
    this.#call = new CallDigest(() => this.giveUp('streaming'));
    return this.#call;
  }

  /** The request is whole, and its head is still there. @param content where it was kept */
  onRequest(request: HttpRequest, content: Buffer | null, nowMs: number): void {
    if (this.#learns && !this.#over && this.#owner.learns(nowMs)) this.question.key = questionKey(request, this.#call?.digest() ?? content);
  }

  /** A copy is offered. @returns who is to hear of its end instead of `listener` */
  offer(target: ComparedTarget | null, listener: CopyListener): CopyListener {
    const paired = this.#targets.find((each) => each.target.key === target?.key);
    if (paired === undefined) return listener;
    const why = paired.drawn ? this.production : 'sampled-out';
    if (typeof why === 'string') {
      this.#owner.skip(paired.target, this.question, null, why, null);
      return listener;
    }
    const copy = new PairedCopy(this, paired.target, new AnswerKeeper(paired.target.maxBodyBytes, this.#budget, this.#pool), listener);
    this.#copies.push(copy);
    return copy;
  }

  /** No more copies will be offered. */
  seal(nowMs: number): void {
    this.#offering = false;
    this.#setDeadline(nowMs);
    this.#endIfDone();
  }

  onResponseHead({ response }: Exchange): void {
    if (this.isDrawn && !this.#over) this.#answer.begin(response!);
  }

  onExchangeEnd({ request, response }: Exchange): void {
    this.#answer.end(request!, response);
  }

  /** Production's answer will not be compared, whatever comes of it. */
  giveUp(why: NotCompared): void {
    this.#answer.giveUp(why);
  }

  /** Gives production's answer up if it has not come in time. */
  tick(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.giveUp(this.question.grpc && this.#answer.hasBegun ? 'streaming' : 'no-answer');
  }

  /** @internal called by PairedCopy */
  copyEnded(copy: PairedCopy): void {
    if (this.#copies.includes(copy)) this.#advance(copy);
  }

  /** It has been compared. */
  done(copy: PairedCopy): void {
    copy.keeper.release();
    this.#copies.splice(this.#copies.indexOf(copy), 1);
    this.#endIfDone();
  }

  #setDeadline(nowMs: number): void {
    this.#deadlineMs = nowMs + this.#patienceMs;
  }

  /** @internal called by ProductionAnswer */
  answered(production: Answer | NotCompared): void {
    this.production = production;
    for (const copy of this.#copies.slice()) this.#advance(copy);
    this.#endIfDone();
  }

  #advance(copy: PairedCopy): void {
    const { production } = this;
    if (typeof production === 'string') return this.#skip(copy, production);
    if (copy.slot < 0) return;
    // How production fared says how much the mirror's failure means.
    if (copy.missing !== null && (copy.missing !== 'failed' || production !== null)) return this.#skip(copy, copy.missing);
    if (production === null) return;
    if ((production.body?.length ?? 0) > copy.target.maxBodyBytes) return this.#skip(copy, 'too-large');
    if (!this.#owner.compare(new AnsweredCopy(this, copy, production))) this.#skip(copy, 'pressure');
  }

  #skip(copy: PairedCopy, why: NotCompared): void {
    const { production } = this;
    this.#owner.skip(copy.target, this.question, typeof production === 'string' ? null : production, why, copy);
    this.done(copy);
  }

  /** Copies that are offered once production's answer has been given up are skipped at once: a call may go on for hours. */
  #endIfDone(): void {
    if (this.#over || this.#copies.length > 0 || (this.#offering && typeof this.production !== 'string')) return;
    this.#over = true;
    this.#answer.release();
    this.#budget.give(this.#room);
    this.#room = 0;
    this.link.unlink();
    this.#owner.over(this);
  }
}
