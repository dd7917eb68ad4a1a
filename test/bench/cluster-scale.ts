/**
 * What a cluster of 5,000 nodes with 110 pods each and 500 policies means for its API server and for each agent:
 * `node test/bench/cluster-scale.ts`. Agents' watches run against the tests' API server, which holds what one agent gets to
 * see of such a cluster; what 5,000 of them do is what these did, times their number. Takes two minutes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { renderTable } from '../../src/cli/table.ts';
import { manifests, namespace } from '../support/manifests.ts';
import type { JsonObject, KubeObject } from '../support/cluster/objects.ts';
import { startTestCluster } from '../support/cluster/start.ts';
import type { WatcherReport } from './cluster-watcher.ts';

const NODES = 5_000;
const PODS = 110;
const POLICIES = 500;
const SERVICES = 5_000;
const NAMESPACES = 100;
/** Watches of so many agents are simulated. */
const AGENTS = 20;
const CALM_MS = 30_000;
const UPDATES = 100;

await using cluster = await startTestCluster();
const faults = cluster.faults!;
const namespaces = Array.from({ length: NAMESPACES }, (_, i) => `team-${i}`);
await cluster.apply(...manifests('base/namespace'), ...manifests('base/crd'), ...manifests('base/agent-rbac'));
faults.load(namespaces.map((name) => namespace(name)));
faults.load(Array.from({ length: SERVICES }, (_, i) => service(i)));
faults.load(Array.from({ length: POLICIES * 3 }, (_, i) => slice(i)));
faults.load(Array.from({ length: AGENTS * PODS }, (_, i) => pod(i)));
faults.load(Array.from({ length: POLICIES }, (_, i) => policy(i)));
const kubeconfig = await cluster.kubeconfigOf('shadowtap-system', 'shadowtap-agent');
faults.forgetRequests();

const WATCHER = fileURLToPath(new URL('./cluster-watcher.ts', import.meta.url));
const agents = Array.from({ length: AGENTS }, (_, i) => fork(WATCHER, [kubeconfig, `node-${i}`]));
await reports(agents, (all) => all.every(({ plans }) => plans > 0));
await sleep(3_000);
const started = await ask(agents);
const atStart = faults.requests().length;
const lists = faults.requests({ verb: 'list' }).length;
const connections = new Set(faults.requests().map(({ connection }) => connection)).size;
const watches = faults.watches().length;

faults.forgetRequests();
await sleep(CALM_MS);
const calm = faults.requests().length;
const before = await ask(agents);
for (let i = 0; i < UPDATES; i++) {
  const name = `policy-${i}`;
  await cluster.patch({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { namespace: `team-${i % NAMESPACES}`, name } }, { status: { nodes: i + 1 } }, { subresource: 'status' });
}
await sleep(2_000);
const updated = await ask(agents);
for (const agent of agents) agent.disconnect();

const mean = (of: (report: WatcherReport) => number, all = started): number => all.reduce((sum, report) => sum + of(report), 0) / all.length;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const perUpdateUs = (mean(({ cpuUs }) => cpuUs, updated) - mean(({ cpuUs }) => cpuUs, before)) / UPDATES;
const newPlans = mean(({ plans }) => plans, updated) - mean(({ plans }) => plans, before);
const averageWatchSeconds = 450;
console.log(
  renderTable(
    ['what', 'one agent', `${NODES} agents`],
    [
      ['requests at start (lists, watches)', `${atStart / AGENTS} (${lists / AGENTS}, ${(atStart - lists) / AGENTS})`, String((atStart / AGENTS) * NODES)],
      ['connections', String(connections / AGENTS), String((connections / AGENTS) * NODES)],
      ['open watches', String(watches / AGENTS), String((watches / AGENTS) * NODES)],
      [`requests in ${CALM_MS / 1000} s of calm`, String(calm / AGENTS), String((calm / AGENTS) * NODES)],
      ['watches begun anew, mean over time', `${((watches / AGENTS) * 60 / averageWatchSeconds).toFixed(2)}/min`, `${((watches / AGENTS) * NODES / averageWatchSeconds).toFixed(0)}/s`],
      ['pods tapped, policies in force', `${mean(({ endpoints }) => endpoints)}, ${mean(({ policies }) => policies)}`, ''],
      ['heap for what is known', mib(mean(({ heapBytes, emptyHeapBytes }) => heapBytes - emptyHeapBytes)), ''],
      ['resident memory, before and after', `${mib(mean(({ emptyRssBytes }) => emptyRssBytes))}, ${mib(mean(({ rssBytes }) => rssBytes))}`, ''],
      ['CPU from start to plan, with loading', `${(mean(({ cpuUs }) => cpuUs) / 1000).toFixed(0)} ms`, ''],
      ['CPU for a status of a policy', `${perUpdateUs.toFixed(0)} µs, ${newPlans} new plans`, ''],
    ],
  ),
);

function ask(all: readonly ChildProcess[]): Promise<WatcherReport[]> {
  return Promise.all(
    all.map(async (agent) => {
      const answer = once(agent, 'message') as Promise<[WatcherReport]>;
      agent.send('report');
      return (await answer)[0];
    }),
  );
}

async function reports(all: readonly ChildProcess[], fit: (reports: WatcherReport[]) => boolean): Promise<void> {
  for (let i = 0; i < 240; i++) {
    if (fit(await ask(all))) return;
    await sleep(500);
  }
  throw new Error('the agents have not heard the cluster within two minutes');
}

function object(apiVersion: string, kind: string, namespaceIndex: number, name: string, rest: JsonObject, labels: Record<string, string> = {}): KubeObject {
  // What kubectl and controllers leave in metadata is most of a small object's size.
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ apiVersion, kind, metadata: { name, labels }, ...rest }) };
  return { apiVersion, kind, metadata: { namespace: `team-${namespaceIndex % NAMESPACES}`, name, labels, annotations }, ...rest };
}

function service(i: number): KubeObject {
  const labels = { app: `app-${i}`, team: `team-${i % NAMESPACES}` };
  return object('v1', 'Service', i, `app-${i}`, { spec: { type: 'ClusterIP', selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }, { name: 'metrics', port: 9090, targetPort: 9090, protocol: 'TCP' }] } }, labels);
}

function slice(i: number): KubeObject {
  const labels = { 'kubernetes.io/service-name': `app-${i % POLICIES}` };
  const endpoints = Array.from({ length: 10 }, (_, k) => ({ addresses: [`10.${i % 200}.${k}.7`], conditions: { ready: true, serving: true, terminating: false }, nodeName: `node-${k}`, targetRef: { kind: 'Pod', name: `app-${i}-${k}` } }));
  return { ...object('discovery.k8s.io/v1', 'EndpointSlice', i % POLICIES, `app-${i}`, {}, labels), addressType: 'IPv4', endpoints, ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] };
}

function pod(i: number): KubeObject {
  const labels = { app: `app-${i % POLICIES}`, team: `team-${i % NAMESPACES}`, 'pod-template-hash': `h${i}` };
  const env = Array.from({ length: 20 }, (_, k) => ({ name: `SETTING_${k}`, value: `value-${k}` }));
  const containers = [{ name: 'app', image: `registry.example/app-${i}:1`, ports: [{ name: 'http', containerPort: 8080 }], env }, { name: 'sidecar', image: 'registry.example/sidecar:1', env }];
  return { ...object('v1', 'Pod', i, `app-${i}`, { spec: { nodeName: `node-${i % AGENTS}`, containers } }, labels), status: { phase: 'Running', podIP: `10.1.${i % 200}.${(i % 250) + 1}` } };
}

function policy(i: number): KubeObject {
  const spec = {
    selector: { matchLabels: { app: `app-${i}` } },
    ports: ['http'],
    matches: [{ path: { type: 'PathPrefix', value: `/api/v${i % 3}` }, headers: [{ name: 'x-tenant', value: 'acme' }] }],
    sample: { percent: 10 },
    targets: [{ backendRef: { name: `app-${(i + NAMESPACES) % POLICIES}`, port: 80 } }],
  };
  return object('shadowtap.dev/v1alpha1', 'MirrorPolicy', i, `policy-${i}`, { spec });
}
