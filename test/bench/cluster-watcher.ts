/** The part of an agent that follows a cluster, in a process of its own, so that its memory and time can be told. */
import { ApiClient } from '../../src/kube/api-client.ts';
import { NodeWatch } from '../../src/kube/node-watch.ts';
import type { NodePlan } from '../../src/kube/node-plan.ts';
import { heapAfterCollection } from '../support/heap.ts';

export interface WatcherReport {
  readonly plans: number;
  readonly endpoints: number;
  readonly policies: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** Before anything was heard. */
  readonly emptyHeapBytes: number;
  readonly emptyRssBytes: number;
  readonly cpuUs: number;
}

const [kubeconfig = '', nodeName = ''] = process.argv.slice(2);
const empty = { heap: heapAfterCollection(), rss: process.memoryUsage.rss() };
let plans = 0;
let last: NodePlan | null = null;
const watch = new NodeWatch(ApiClient.fromKubeconfig(kubeconfig), {
  nodeName,
  permissions: { externalTargets: false, nodeFiles: false },
  onTrouble: () => {},
  onPlan: (plan) => {
    plans += 1;
    last = plan;
  },
});
watch.start();

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const report: WatcherReport = {
    plans,
    endpoints: last?.endpoints.length ?? 0,
    policies: last?.policies.length ?? 0,
    heapBytes: heapAfterCollection(),
    rssBytes: process.memoryUsage.rss(),
    emptyHeapBytes: empty.heap,
    emptyRssBytes: empty.rss,
    cpuUs: user + system,
  };
  process.send?.(report);
});
process.on('disconnect', () => process.exit(0));
