import type { ComparisonData } from '../../compare/data.ts';
import type { JudgeRules } from '../../compare/judge-rules.ts';
import type { AgentPages } from '../agent-pages.ts';
import { readComparison } from './read-comparison.ts';

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
  const byAgent = new Map<string, ComparisonData>();
  const rules = new Map<string, JudgeRules>();
  const problems: string[] = [];
  for (const { agent, value, problem } of await pages.ask('/comparison')) {
    const page = problem === '' ? readComparison(value) : null;
    if (page === null) {
      problems.push(`${agent}: ${problem || 'what it says cannot be read; is it of another version?'}`);
      continue;
    }
    byAgent.set(agent, page.compare);
    for (const [policy, allowed] of Object.entries(page.rules)) rules.set(policy, allowed);
  }
  return { byAgent, rules, problems };
}
