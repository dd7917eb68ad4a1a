import { messageOf } from '../errors.ts';
import type { AgentPod } from './agents.ts';
import type { AgentAnswer } from './fleet.ts';
import { isRecord } from './json.ts';
import type { AgentStats } from '../stats.ts';

/** Agents that are asked at a time. */
const AT_A_TIME = 32;

/** Asks agents for their statistics, some at a time. One that does not answer is one answer less. */
export async function askAgents(agents: readonly AgentPod[], ask: (agent: AgentPod) => Promise<unknown>): Promise<AgentAnswer[]> {
  const answers: AgentAnswer[] = [];
  const waiting = agents.values();
  const asker = async (): Promise<void> => {
    for (const agent of waiting) answers.push(await answerOf(agent, ask));
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, agents.length) }, asker));
  return answers.sort((a, b) => (a.node < b.node ? -1 : 1));
}

async function answerOf(agent: AgentPod, ask: (agent: AgentPod) => Promise<unknown>): Promise<AgentAnswer> {
  const { node, name: pod } = agent;
  try {
    const stats = await ask(agent);
    return isStats(stats)
      ? { node, pod, stats, problem: '' }
      : { node, pod, stats: null, problem: 'what it says cannot be read; is it of another version?' };
  } catch (error) {
    return { node, pod, stats: null, problem: messageOf(error) };
  }
}

/** The parts that are added up. */
function isStats(value: unknown): value is AgentStats {
  if (!isRecord(value)) return false;
  const { ledger, endpoints, sampleShares, cluster } = value;
  if (!isRecord(ledger) || !Array.isArray(ledger['requests']) || !Array.isArray(ledger['copies'])) return false;
  return Array.isArray(endpoints) && Array.isArray(sampleShares) && (cluster === null || (isRecord(cluster) && Array.isArray(cluster['policies'])));
}
