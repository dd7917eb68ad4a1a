import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createClusterScene, PORT, type ClusterScene, type ScenePod } from '../e2e/cluster-scene.ts';
import { runCommand } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { DAEMONSET } from '../support/kustomize.ts';
import { AGENTS, manifests } from '../support/manifests.ts';
import type { Running } from '../support/process.ts';
import { DASHBOARD, PANELS, withVariables } from './dashboard.ts';
import { Prometheus, type Target } from './prometheus.ts';
import { metricsIn } from './promql.ts';
import { ALERTS, RULES_FILE } from './rules.ts';

/** Saturation is known after a hundred requests that are fifty milliseconds apart. */
const SHOWN_MS = 40_000;

interface PodMonitor {
  readonly spec: { readonly podMetricsEndpoints: readonly [{ readonly honorLabels?: boolean; readonly relabelings: readonly { readonly targetLabel: string }[] }] };
}

/** What the operator makes of the PodMonitor. */
function target(address: string, container: 'agent' | 'controller'): Target {
  const labels = { namespace: AGENTS, container, pod: `shadowtap-${container}`, job: `${AGENTS}/shadowtap`, endpoint: 'admin' };
  return { address, labels: { ...labels, ...Object.fromEntries(podMonitor().relabelings.map(({ targetLabel }) => [targetLabel, `${targetLabel}-a`])) } };
}

function podMonitor(): PodMonitor['spec']['podMetricsEndpoints'][0] {
  return (parse(readFileSync(`${DAEMONSET}/components/prometheus/pod-monitor.yaml`, 'utf8')) as PodMonitor).spec.podMetricsEndpoints[0];
}

/** Takes findings. */
async function startWebhook(): Promise<Server> {
  const server = createServer((asked, response) => asked.resume().on('end', () => response.end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Two versions of a shop, an agent that observes, mirrors and compares, with one target that is there and one that is not. */
async function createShop(webhook: Server): Promise<{ scene: ClusterScene; app: ScenePod } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
  const scene = stack.use(await createClusterScene({ settings: { findings: { webhook: url } } }));
  const app = await scene.createPod({ name: 'app', labels: { app: 'checkout' } });
  const next = await scene.createPod({ name: 'next', labels: { app: 'next' } });
  await app.app.behave({ kind: 'answer', delayMs: 2 });
  await next.app.behave({ kind: 'answer', status: 201, delayMs: 5 });
  await scene.createService('next', { app: 'next' });
  await scene.createService('gone', { app: 'gone' });
  await scene.applyPolicy('next', {
    selector: { matchLabels: { app: 'checkout' } },
    ports: ['http'],
    observe: true,
    compare: {},
    excludes: [{ path: { type: 'Exact', value: '/healthz' } }],
    targets: ['next', 'gone'].map((name) => ({ backendRef: { name, port: 80 } })),
  });
  await scene.startAgents();
  await scene.agent().until(({ endpoints }) => endpoints.length === 1 && endpoints[0]!.attached);
  const kept = stack.move();
  return { scene, app, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function startController(scene: ClusterScene): Promise<{ command: Running; address: string }> {
  await scene.cluster.apply(...manifests('base/controller-rbac'));
  const kubeconfig = await scene.cluster.kubeconfigOf(AGENTS, 'shadowtap-controller');
  const command = runCommand(['controller'], { spec: { kubernetes: { kubeconfig } } });
  let log = '';
  command.child.stderr!.on('data', (data: Buffer) => (log += data.toString()));
  await expect.poll(() => log, { timeout: 10_000 }).toContain('"admin port open"');
  return { command, address: `127.0.0.1:${/"port":(\d+)/.exec(log)![1]!}` };
}

function agentAddress(scene: ClusterScene): string {
  const line = scene.agent().log.find(({ msg }) => msg === 'admin port open')!;
  return `${String(line['host'])}:${String(line['port'])}`;
}

/** Customers, sometimes one and sometimes eight at a time, a probe, and somebody who climbs out of a folder; until it is disposed of. */
function startVisits(app: ScenePod): AsyncDisposable {
  const agent = new Agent({ keepAlive: true });
  const get = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      request({ host: app.kube.netns.address, port: PORT, path, agent }, (response) => response.resume().on('end', resolve).on('error', reject)).on('error', reject).end();
    });
  let stopping = false;
  const visits = (async () => {
    for (let round = 0; !stopping; round++) {
      await Promise.all(Array.from({ length: round % 2 === 0 ? 8 : 1 }, (_, i) => get(`/orders/${round * 10 + i}`)));
      if (round % 20 === 0) await Promise.all([get('/healthz'), get('/files?name=../../../etc/passwd')]);
      await sleep(60);
    }
  })();
  visits.catch(() => {}); // Whoever stops them is told.
  return {
    async [Symbol.asyncDispose]() {
      stopping = true;
      await visits;
      agent.destroy();
    },
  };
}

/** Titles of panels of which no query gives anything. @throws with what is wrong with a query */
async function emptyPanels(prometheus: Prometheus): Promise<string[]> {
  const empty: string[] = [];
  for (const { title, targets = [] } of PANELS) {
    const results = await Promise.all(targets.map(({ expr }) => prometheus.query(withVariables(expr))));
    if (results.flat().length === 0) empty.push(title);
  }
  return empty;
}

/** Metrics that are asked for and have no series, or such whose labels were pushed aside by those of the target. */
async function missingMetrics(prometheus: Prometheus): Promise<string[]> {
  const asked = [...PANELS.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...ALERTS.map(({ expr }) => expr)];
  const missing: string[] = [];
  for (const name of new Set(asked.flatMap(metricsIn))) {
    const series = await prometheus.series(name);
    const isPushedAside = series.some((labels) => Object.keys(labels).some((label) => label.startsWith('exported_')));
    if (series.length === 0 || isPushedAside) missing.push(name);
  }
  return missing;
}

/** Values of the dashboard's variables, as Grafana takes them from labels. */
async function variables(prometheus: Prometheus): Promise<Record<string, readonly string[]>> {
  const filled: Record<string, readonly string[]> = {};
  for (const { name, query, regex = '' } of DASHBOARD.templating.list) {
    if (typeof query === 'string') continue;
    const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query.query)!;
    const part = regex === '' ? /(.*)/ : new RegExp(regex.slice(1, -1));
    filled[name] = (await prometheus.labelValues(label!, selector!)).flatMap((value) => part.exec(value)?.[1] ?? []);
  }
  return filled;
}

/** Every answer differs in its status; and one of the two targets has no endpoint, so that nothing of it can be compared. */
const PENDING = ['ShadowtapMirrorDiffers', 'ShadowtapCopiesFail', 'ShadowtapComparisonStarved'];

describe.skipIf(!requireKernel())('a Prometheus that scrapes an agent and a controller', () => {
  it('has something to show in every panel, evaluates every alert, and fills the variables', async () => {
    await using stack = new AsyncDisposableStack();
    const webhook = stack.use(await startWebhook());
    const { scene, app } = stack.use(await createShop(webhook));
    const { command, address } = await startController(scene);
    stack.use(command);
    const targets = [target(agentAddress(scene), 'agent'), target(address, 'controller')];
    const prometheus = stack.use(await Prometheus.start(targets, podMonitor().honorLabels === true, RULES_FILE));
    stack.use(startVisits(app));

    await expect.poll(() => emptyPanels(prometheus), { timeout: SHOWN_MS, interval: 1_000 }).toEqual([]);
    expect(await missingMetrics(prometheus)).toEqual([]);
    expect(await variables(prometheus)).toEqual({ node: ['node-a'], namespace: ['shop'], policy: ['shop/next'] });
    const states = async (): Promise<string[]> => (await prometheus.rules()).map(({ name, health, state }) => `${name} ${health} ${state}`).toSorted();
    const expected = ALERTS.map(({ alert }) => `${alert} ok ${PENDING.includes(alert) ? 'pending' : 'inactive'}`).toSorted();
    await expect.poll(states, { timeout: SHOWN_MS, interval: 500 }).toEqual(expected);
    await expect(prometheus.query('rate(shadowtap_flows)')).rejects.toThrow('expected type range vector');
  }, 90_000);
});
