import { messageOf } from '../errors.ts';
import type { AgentStats } from '../stats.ts';
import type { AgentPod } from './agents.ts';
import type { AgentAnswer } from './fleet.ts';
import { isRecord } from './json.ts';

/** Agents that are asked at a time. */
const AT_A_TIME = 32;

/** Does something with each agent, some at a time. @returns what came of it, in no order */
export async function inTurns<T>(agents: readonly AgentPod[], step: (agent: AgentPod) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const waiting = agents.values();
  const one = async (): Promise<void> => {
    for (const agent of waiting) results.push(await step(agent));
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, agents.length) }, one));
  return results;
}

/** Asks agents for their statistics. One that does not answer is one answer less. @returns by node */
export async function askAgents(agents: readonly AgentPod[], ask: (agent: AgentPod) => Promise<unknown>): Promise<AgentAnswer[]> {
  const answers = await inTurns(agents, async (agent): Promise<AgentAnswer> => {
    const { node, name: pod } = agent;
    try {
      const stats = await ask(agent);
      if (isStats(stats)) return { node, pod, stats, problem: '' };
      return { node, pod, stats: null, problem: 'what it says cannot be read; is it of another version?' };
    } catch (error) {
      return { node, pod, stats: null, problem: messageOf(error) };
    }
  });
  return answers.sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** The parts that are added up. */
function isStats(value: unknown): value is AgentStats {
  if (!isRecord(value)) return false;
  const { ledger, endpoints, sampleShares, cluster } = value;
  if (!isRecord(ledger) || !Array.isArray(ledger['requests']) || !Array.isArray(ledger['copies'])) return false;
  return Array.isArray(endpoints) && Array.isArray(sampleShares) && (cluster === null || (isRecord(cluster) && Array.isArray(cluster['policies'])));
}
