import { setTimeout as sleep } from 'node:timers/promises';
import { agentPod, AGENT_LABELS, type AgentPod } from './agents.ts';
import type { ApiClient } from './api-client.ts';
import { askAgents } from './ask-agents.ts';
import type { AgentAnswer } from './fleet.ts';
import { listOf, recordOf } from './json.ts';

/** Pods of agents, listed once. @throws ApiError */
export async function listAgents(api: ApiClient, namespace: string): Promise<AgentPod[]> {
  const list = await api.call({ path: `/api/v1/namespaces/${namespace}/pods`, query: { labelSelector: AGENT_LABELS } });
  return listOf(recordOf(list)['items']).flatMap((item) => agentPod(item) ?? []);
}

/**
 * A page of an agent, through the API server, as `kubectl get --raw` fetches it: no port need be opened.
 * @param headers reach the agent, but for those that the API server uses itself, as Authorization
 * @throws ApiError
 */
export function pageOf(api: ApiClient, { namespace, name, port }: AgentPod, page: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  return api.call({ path: `/api/v1/namespaces/${namespace}/pods/${name}:${port}/proxy${page}`, headers, timeoutMs: 10_000 });
}

/** What agents say twice, with some time between, so that rates can be told. */
export async function twoLooks(api: ApiClient, agents: readonly AgentPod[], betweenMs: number): Promise<readonly [before: AgentAnswer[], after: AgentAnswer[]]> {
  const ask = (agent: AgentPod): Promise<unknown> => pageOf(api, agent, '/stats');
  const before = await askAgents(agents, ask);
  await sleep(betweenMs);
  return [before, await askAgents(agents, ask)];
}
