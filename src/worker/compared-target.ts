import type { Answer, Question } from '../compare/answer.ts';
import type { AnswerDiffer, CompareTarget } from '../compare/comparator.ts';
import type { Difference } from '../compare/difference.ts';
import { durationMs } from '../policy/duration.ts';
import { policyName } from '../policy/policy-name.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { addressOf } from './target-address.ts';

/** A target whose answers are compared. */
export interface ComparedTarget extends CompareTarget {
  /** Share of its policy's exchanges that is compared, 0 to 1. */
  readonly share: number;
  /** Of either side's content. */
  readonly maxBodyBytes: number;
  /** What the mirror is given. */
  readonly timeoutMs: number;
}

/** @param index of the policy's targets @returns null where its answers are not compared */
export function comparedTarget(policy: MirrorPolicy, index: number): ComparedTarget | null {
  const { compare, targets, redact, limits } = policy.spec;
  const target = targets[index]!;
  const { role } = target;
  if (compare === undefined || target.file !== undefined) return null;
  const address = addressOf(policy, target);
  const { percent, learnNoise, ...spec } = compare;
  const { maxBodyBytes, headers, ignore, tolerance, keyed, examples } = spec;
  const name = policyName(policy);
  return {
    key: JSON.stringify([name, index, address, role]),
    policy: name,
    target: address,
    role,
    rules: JSON.stringify([maxBodyBytes, headers, ignore, tolerance, keyed, examples, redact]),
    differ: EXACT,
    learnNoise,
    examples: examples !== 'None',
    share: percent / 100,
    maxBodyBytes,
    timeoutMs: durationMs(limits.timeout),
  };
}

const EXACT: AnswerDiffer = {
  differences(_question: Question, production: Answer, mirror: Answer): Difference[] {
    const differences: Difference[] = [];
    if (production.status !== mirror.status) differences.push({ where: 'status', kind: 'status', production: String(production.status), mirror: String(mirror.status) });
    const [one, other] = [production.body ?? Buffer.alloc(0), mirror.body ?? Buffer.alloc(0)];
    if (!one.equals(other)) differences.push({ where: 'body', kind: 'binary', production: '', mirror: '' });
    return differences;
  },
};
