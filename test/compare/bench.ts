import type { Answer, Question } from '../../src/compare/answer.ts';
import { Comparator, type ComparatorOptions, type CompareTarget } from '../../src/compare/comparator.ts';
import type { JudgeRules } from '../../src/compare/judge/judge-rules.ts';
import { ByteBudget } from '../../src/flow/budget.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import { answer as anyAnswer, differ } from './differ-support.ts';

export const RULES: JudgeRules = { maxDifferentPercent: 0, maxSlowdownPercent: 10, confidencePercent: 95, minCompared: 100, learnNoise: true };

export function target(change: Partial<CompareTarget> = {}): CompareTarget {
  return { key: 'v2', policy: 'shop/next', target: 'http://v2', role: 'Mirror', rules: '', differ: differ({ examples: 'Values' }), learnNoise: true, examples: true, ...change };
}

/** A comparator with a clock and a die of its own. */
export class Bench {
  nowMs = 1_700_000_000_000;
  readonly memory: ByteBudget;
  readonly comparator: Comparator;

  constructor(targets: readonly CompareTarget[] = [target()], options: Partial<ComparatorOptions> = {}) {
    this.memory = options.memory ?? new ByteBudget(64 * 1024 * 1024);
    this.comparator = new Comparator({ now: () => this.nowMs, random: seededRandom(7), ...options, memory: this.memory });
    this.comparator.configure(targets);
  }

  /** One exchange with every target, a while after the one before. */
  exchange(asked: Question, production: Answer, mirror: Answer, key = 'v2'): void {
    this.nowMs += 1_100;
    this.comparator.compare(key, asked, production, mirror);
  }
}

/** An answer of 200 with this content, in one millisecond. */
export function answer(content: object | string | null, about: Partial<Answer> = {}): Answer {
  const body = content === null ? null : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return anyAnswer({ headers: ['content-type', 'application/json'], body, firstByteUs: 900, completeUs: 1_000, ...about });
}
