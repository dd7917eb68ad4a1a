import { messageOf } from '../errors.ts';
import { agentReport } from './agent-report.ts';
import type { AgentPod } from './agents.ts';
import type { AgentAnswer } from './fleet.ts';

/** Agents that are asked at a time. */
const AT_A_TIME = 64;

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

/** Asks an agent for its statistics. That it does not answer is an answer, too. */
export async function askAgent(agent: AgentPod, ask: (agent: AgentPod) => Promise<unknown>): Promise<AgentAnswer> {
  const { node, name: pod } = agent;
  try {
    const stats = agentReport(await ask(agent));
    return { node, pod, stats, problem: stats === null ? 'what it says cannot be read; is it of another version?' : '' };
  } catch (error) {
    return { node, pod, stats: null, problem: messageOf(error) };
  }
}

/** Asks all of them. @returns by node */
export async function askAgents(agents: readonly AgentPod[], ask: (agent: AgentPod) => Promise<unknown>): Promise<AgentAnswer[]> {
  const answers = await inTurns(agents, (agent) => askAgent(agent, ask));
  return answers.sort((a, b) => (a.node < b.node ? -1 : 1));
}
