import type { Cluster } from '../agent/cluster.ts';
import type { AgentConfig } from '../config.ts';

/**
 * The cluster that tells an agent what to do; null for standalone ones, which do without its client: that takes a while to
 * load, and much memory.
 * @throws ShadowtapError KUBE_CONFIG
 */
export async function joinCluster({ kubernetes }: AgentConfig): Promise<Cluster | null> {
  if (kubernetes === null) return null;
  const { Cluster } = await import('../agent/cluster.ts');
  return new Cluster(kubernetes);
}
