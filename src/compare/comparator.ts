import { createHash } from 'node:crypto';
import { ByteBudget } from '../flow/budget.ts';
import { BodyPool } from '../http/body.ts';
import type { Random } from '../sketch/random.ts';
import type { Answer, NotCompared, Question } from './answer.ts';
import type { ComparisonData, PolicyComparison } from './data.ts';
import type { Difference } from './difference.ts';
import { sortedCounts, type EndpointEvidence } from './evidence/endpoint-evidence.ts';
import { EndpointTable, TABLE_LIMITS } from './evidence/endpoint-table.ts';
import { Repeats } from './evidence/repeats.ts';
import { byTarget, joinTimes } from './merge.ts';

/** Compares two answers to one question by the rules of a policy. */
export interface AnswerDiffer {
  /**
   * @returns none where they are equal; each place and kind at most once; borrowed until the next call. `encoding` where content
   *   cannot be decoded within bounds
   */
  differences(question: Question, production: Answer, mirror: Answer): readonly Difference[] | 'encoding';
}

/** A target of a policy that compares. */
export interface CompareTarget {
  /** By which `compare` and `skip` name it. While key and `rules` stay the same its counts go on. */
  readonly key: string;
  /** `namespace/name` */
  readonly policy: string;
  /** As in the ledger. */
  readonly target: string;
  readonly role: 'Mirror' | 'Baseline';
  /** What the differ is made of, as text: where it changes, counting starts afresh, because old counts no longer say what they did. */
  readonly rules: string;
  readonly differ: AnswerDiffer;
  /** Compare production's own answers to equal requests. */
  readonly learnNoise: boolean;
  /** Keep what either side had at places that differ: false for `examples: None`. */
  readonly examples: boolean;
}

export interface ComparatorOptions {
  /** What captured content shares; recent answers are kept on it. */
  readonly memory: ByteBudget;
  /** A path template as it is called by now (`PathTemplates.of`). */
  readonly fold?: (template: string) => string;
  /** Unix time in milliseconds. */
  readonly now?: () => number;
  readonly random?: Random;
}

/** Bytes that the tables of one worker take at most, whatever comes; by these bounds a common endpoint takes 15 to 30 KiB. */
export const TABLE_BYTES = 24 * 1024 * 1024;
/** Times of connecting that are kept: the newest. */
const CONNECTS = 64;

/** Repeats of an endpoint that are all compared, and of further ones the share, so that learning costs ever less. */
const LEARN_ALL = 200;
const LEARN_MANY = 2_000;
const SHARE_AFTER_ALL = 1 / 8;
const SHARE_AFTER_MANY = 1 / 64;
/** Once a few repeats are known, closer ones are left out: answers of the same moment agree on what passes with time. */
const FEW = 20;
const APART_MS = 1_000;
/** Repeats within that say what varies by itself, later ones also what others write. */
const SOON_MS = 3_000;

/**
 * RFC 9110 section 15.4.5: what a client has is still good by one side's validators alone. Many servers make them of a file's
 * time or of their process, so that equal content has different ones.
 */
function isConditional(production: Answer, mirror: Answer): boolean {
  const other = production.status === 304 ? mirror.status : mirror.status === 304 ? production.status : 0;
  return other >= 200 && other < 300;
}

/** A target and what is known of it. */
interface Row {
  target: CompareTarget;
  /** Digest of its rules. */
  readonly rules: string;
  readonly sinceMs: number;
  readonly table: EndpointTable;
  readonly repeats: Repeats;
  /** A ring. */
  readonly connectUs: number[];
  connections: number;
  readonly notCompared: Partial<Record<NotCompared, number>>;
}

/**
 * Compares production's answers with the mirror's and sums up where they differ, by target and endpoint; and, beside it, learns
 * how production differs from itself. One per worker. It keeps counts, names of places and a few short examples; of contents
 * only the recent answers that it learns from. What the counts mean is judged later, of all workers together (judge.ts).
 */
export class Comparator {
  /** Repeats of production's that were compared, and those that were not: enough is known, they came too soon, or time was short. */
  repeats = 0;
  repeatsSpared = 0;
  /** Set while the worker is short of time: nothing is learnt then. */
  pressed = false;
  readonly #memory: ByteBudget;
  readonly #pool = new BodyPool();
  readonly #room = new ByteBudget(TABLE_BYTES);
  readonly #fold: (template: string) => string;
  readonly #now: () => number;
  readonly #random: Random;
  #rows = new Map<string, Row>();

  constructor({ memory, fold = (template) => template, now = Date.now, random = Math.random }: ComparatorOptions) {
    this.#memory = memory;
    this.#fold = fold;
    this.#now = now;
    this.#random = random;
  }

  /** From now on these are compared; what is known of others is forgotten. */
  configure(targets: readonly CompareTarget[]): void {
    const before = this.#rows;
    this.#rows = new Map();
    for (const target of targets) {
      const row = before.get(target.key);
      if (row === undefined || row.target.rules !== target.rules) continue;
      before.delete(target.key);
      row.target = target;
      if (!target.learnNoise) row.repeats.clear();
      this.#rows.set(target.key, row);
    }
    for (const row of before.values()) {
      row.table.release();
      row.repeats.clear();
    }
    for (const target of targets) if (!this.#rows.has(target.key)) this.#rows.set(target.key, this.#newRow(target));
  }

  /**
   * Compares two answers; all of it is borrowed until this returns.
   *
   * @param key of a target that is configured; others are passed over
   * @param atMs when both had answered, Unix time in milliseconds
   * @returns what differs, before anything is taken for noise, borrowed until the next call; `encoding` where content could not be decoded, which is counted
   *   as not compared; null where nothing can be said, which is counted where the target is known
   */
  compare(key: string, question: Question, production: Answer, mirror: Answer, atMs = this.#now()): readonly Difference[] | 'encoding' | null {
    const row = this.#rows.get(key);
    if (row === undefined) return null;
    const { differ, examples, learnNoise } = row.target;
    if (learnNoise && question.key !== '') this.#learn(row, question, production, atMs);
    if (isConditional(production, mirror)) {
      this.skip(key, question, production, 'conditional');
      return null;
    }
    const differences = differ.differences(question, production, mirror);
    if (differences === 'encoding') {
      this.skip(key, question, production, 'encoding');
      return differences;
    }
    this.#endpointOf(row, question).add(question, production, mirror, differences, examples, atMs);
    return differences;
  }

  /** Counts an exchange that is not compared. @param question null where the request is not known any more */
  skip(key: string, question: Question | null, production: Answer | null, why: NotCompared): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    if (why === 'memory') row.repeats.clear();
    if (question === null) row.notCompared[why] = (row.notCompared[why] ?? 0) + 1;
    else this.#endpointOf(row, question).skip(question, production, why);
  }

  /** A connection to the target was made in that time. */
  connected(key: string, us: number): void {
    const row = this.#rows.get(key);
    if (row !== undefined) row.connectUs[row.connections++ % CONNECTS] = us;
  }

  /** What is known by now: a copy. */
  data(): ComparisonData {
    return { policies: [...this.#rows.values()].map(dataOf).sort(byTarget) };
  }

  #newRow(target: CompareTarget): Row {
    return {
      target,
      rules: createHash('sha256').update(target.rules).digest('hex').slice(0, 16),
      sinceMs: this.#now(),
      table: new EndpointTable(TABLE_LIMITS, this.#room, this.#random, this.#fold),
      repeats: new Repeats(this.#memory, this.#pool),
      connectUs: [],
      connections: 0,
      notCompared: {},
    };
  }

  #endpointOf({ table }: Row, { method, template }: Question): EndpointEvidence {
    const endpoint = table.of(method, template);
    if (table.isOthers(endpoint)) table.folded++;
    return endpoint;
  }

  /** Holds production's answer against an earlier one to an equal request, and keeps it for a later one. */
  #learn({ target, table, repeats }: Row, question: Question, production: Answer, atMs: number): void {
    if (this.pressed) {
      this.repeatsSpared++;
      return;
    }
    const endpoint = table.of(question.method, question.template);
    const earlier = repeats.find(question.key, atMs);
    if (earlier !== null) {
      if ((endpoint.repeats >= FEW && atMs - earlier.atMs < APART_MS) || !this.#isWorthIt(endpoint.repeats)) {
        this.repeatsSpared++;
        return;
      }
      const differences = target.differ.differences(question, earlier, production);
      if (differences !== 'encoding') {
        this.repeats++;
        endpoint.addRepeat(differences, atMs - earlier.atMs <= SOON_MS);
      }
    } else if (!this.#isWorthIt(endpoint.repeats)) return;
    repeats.keep(question.key, production, atMs);
  }

  #isWorthIt(known: number): boolean {
    if (known < LEARN_ALL) return true;
    return this.#random() < (known < LEARN_MANY ? SHARE_AFTER_ALL : SHARE_AFTER_MANY);
  }
}

function dataOf({ target: { policy, target, role }, rules, sinceMs, table, connectUs, notCompared }: Row): PolicyComparison {
  return {
    policy,
    target,
    role,
    rules,
    sinceMs,
    endpoints: table.data(),
    folded: table.folded,
    notCompared: sortedCounts(notCompared),
    connectUs: joinTimes([connectUs]),
  };
}
