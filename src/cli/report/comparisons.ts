import type { ComparisonData } from '../../compare/data.ts';
import type { JudgeRules } from '../../compare/judge/judge-rules.ts';
import { ShadowtapError } from '../../errors.ts';
import { readPages, type AgentPages } from '../agent-pages.ts';
import { readComparison, type ComparisonPage } from './read-comparison.ts';

/** What all agents have compared. */
export interface Comparisons {
  /** By agent. */
  readonly byAgent: ReadonlyMap<string, ComparisonData>;
  readonly rules: ReadonlyMap<string, JudgeRules>;
  /** Agents that did not answer, and why. */
  readonly problems: readonly string[];
}

/** Asks all agents. */
export async function askComparisons(pages: AgentPages): Promise<Comparisons> {
  const { said, problems } = await readPages(pages, '/comparison', readComparison);
  const byAgent = new Map([...said].map(([agent, { compare }]) => [agent, compare]));
  return { byAgent, rules: agreedRules([...said.values()].map(({ rules }) => rules)), problems };
}

/** What most agents say that a policy allows: one alone, which may have been taken over, cannot loosen it. Of as many, the first. */
function agreedRules(said: readonly ComparisonPage['rules'][]): Map<string, JudgeRules> {
  const votes = new Map<string, Map<string, { readonly rules: JudgeRules; votes: number }>>();
  for (const [policy, rules] of said.flatMap((page) => Object.entries(page))) {
    const candidates = votes.get(policy) ?? new Map<string, { readonly rules: JudgeRules; votes: number }>();
    votes.set(policy, candidates);
    const key = JSON.stringify(rules);
    const candidate = candidates.get(key) ?? { rules, votes: 0 };
    candidate.votes += 1;
    candidates.set(key, candidate);
  }
  return new Map([...votes].map(([policy, candidates]) => [policy, [...candidates.values()].reduce((best, other) => (other.votes > best.votes ? other : best)).rules]));
}

/** `next` is `default/next`, as for kubectl. */
export function policyName(text: string): string {
  return text.includes('/') ? text : `default/${text}`;
}

/** @param policy as `policyName` gives it */
export function unknownPolicy(policy: string): ShadowtapError {
  return new ShadowtapError('USAGE', `--policy: no agent compares by ${JSON.stringify(policy)}; give namespace/name of a policy with the field compare`);
}
