import type { CompareTarget } from '../compare/comparator.ts';
import { Differ } from '../compare/differ/differ.ts';
import { compareRules } from '../compare/differ/rules.ts';
import type { Redactor } from '../mirror/redact.ts';
import { durationMs } from '../policy/duration.ts';
import { policyName } from '../policy/policy-name.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { addressOf } from './target-address.ts';

/** A target whose answers are compared. */
export interface ComparedTarget extends CompareTarget {
  /** Share of its policy's exchanges that is compared, 0 to 1. */
  readonly share: number;
  /** About so many exchanges of its policy are compared a second where more come, in this worker; Infinity: all of them. */
  readonly perSecond: number;
  /** Of either side's content. */
  readonly maxBodyBytes: number;
  /** Takes out what is secret of what people are shown; null: nothing is. */
  readonly redactor: Redactor | null;
  /** What the mirror is given. */
  readonly timeoutMs: number;
}

/**
 * @param index of the policy's targets
 * @param workers how many share what the policy allows
 * @returns null where its answers are not compared
 */
export function comparedTarget(policy: MirrorPolicy, index: number, workers: number): ComparedTarget | null {
  const { compare, targets, redact, limits } = policy.spec;
  const target = targets[index]!;
  const { role } = target;
  if (compare === undefined || target.file !== undefined) return null;
  const address = addressOf(policy, target);
  const { percent, maxPerSecond, learnNoise, ...spec } = compare;
  const { maxBodyBytes, headers, ignore, tolerance, keyed, examples } = spec;
  const name = policyName(policy);
  const rules = compareRules(spec, redact);
  return {
    key: JSON.stringify([name, index, address, role]),
    policy: name,
    target: address,
    role,
    rules: JSON.stringify([maxBodyBytes, headers, ignore, tolerance, keyed, examples, redact]),
    differ: new Differ(rules),
    redactor: rules.redactor,
    learnNoise,
    examples: examples !== 'None',
    share: percent / 100,
    perSecond: maxPerSecond === 0 ? Infinity : maxPerSecond / workers,
    maxBodyBytes,
    timeoutMs: durationMs(limits.timeout),
  };
}
