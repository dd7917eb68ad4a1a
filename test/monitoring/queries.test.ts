import { Agent, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

/** As long as a saturation needs to be known: a hundred requests fifty milliseconds apart, in ten seconds. */
const TRAFFIC_MS = 12_000;
const SHOWN_MS = 15_000;

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

/** Two versions of a shop, an agent that observes, mirrors and compares, with one target that is there and one that is not. */
async function createShop(): Promise<{ scene: ClusterScene; app: ScenePod }> {
  const scene = await createClusterScene();
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
    targets: ['next', 'gone'].map((name) => ({ backendRef: { name, port: 80 } })),
  });
  await scene.startAgents();
  await scene.agent().until(({ endpoints }) => endpoints.length === 1 && endpoints[0]!.attached);
  return { scene, app };
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

/** Customers, sometimes one and sometimes eight at a time, and somebody who climbs out of a folder. */
async function visit(app: ScenePod): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const get = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      request({ host: app.kube.netns.address, port: PORT, path, agent }, (response) => response.resume().on('end', resolve).on('error', reject)).on('error', reject).end();
    });
  const endMs = performance.now() + TRAFFIC_MS;
  for (let round = 0; performance.now() < endMs; round++) {
    await Promise.all(Array.from({ length: round % 2 === 0 ? 8 : 1 }, (_, i) => get(`/orders/${round * 10 + i}`)));
    if (round % 20 === 0) await get(`/files?name=../../../etc/passwd`);
    await sleep(60);
  }
  agent.destroy();
}

describe.skipIf(!requireKernel())('a Prometheus that scrapes an agent and a controller', () => {
  const stack = new AsyncDisposableStack();
  let prometheus: Prometheus;
  beforeAll(async () => {
    const { scene, app } = await createShop();
    stack.use(scene);
    const { command, address } = await startController(scene);
    stack.use(command);
    prometheus = stack.use(await Prometheus.start([target(agentAddress(scene), 'agent'), target(address, 'controller')], podMonitor().honorLabels === true, RULES_FILE));
    await visit(app);
  }, 60_000);
  afterAll(() => stack.disposeAsync());

  it.each(PANELS.map(({ title, targets = [] }) => [title, targets.map(({ expr }) => withVariables(expr))] as const))('has something to show in the panel %s', async (_, queries) => {
    const shown = async (): Promise<number> => (await Promise.all(queries.map((query) => prometheus.query(query)))).flat().length;
    await expect.poll(shown, { timeout: SHOWN_MS, interval: 500 }).toBeGreaterThan(0);
  });

  it('has every metric that panels and alerts ask for, and none whose labels were pushed aside by those of the target', async () => {
    const asked = [...PANELS.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)), ...ALERTS.map(({ expr }) => expr)];
    const names = new Set(asked.flatMap(metricsIn));
    expect(names.size).toBeGreaterThan(40);
    for (const name of names) {
      const series = await prometheus.series(name);
      expect(series.length, name).toBeGreaterThan(0);
      expect(series.flatMap((labels) => Object.keys(labels)).filter((label) => label.startsWith('exported_')), name).toEqual([]);
    }
  });

  it('evaluates every alert, and says of this shop what is to be said', async () => {
    const states = async () => (await prometheus.rules()).map(({ name, health, state }) => `${name} ${health} ${state}`).toSorted();
    const expected = ALERTS.map(({ alert }) => `${alert} ok ${PENDING.includes(alert) ? 'pending' : 'inactive'}`).toSorted();
    await expect.poll(states, { timeout: SHOWN_MS, interval: 500 }).toEqual(expected);
  });

  it('fills the variables of the dashboard', async () => {
    const filled: Record<string, readonly string[]> = {};
    for (const { name, type, query, regex = '' } of DASHBOARD.templating.list) {
      if (type !== 'query' || typeof query === 'string') continue;
      const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(query.query)!;
      const values = await prometheus.labelValues(label!, selector!);
      const part = regex === '' ? /(.*)/ : new RegExp(regex.slice(1, -1));
      filled[name] = values.flatMap((value) => part.exec(value)?.[1] ?? []);
    }
    expect(filled).toEqual({ node: ['node-a'], namespace: ['shop'], policy: ['shop/next'] });
  });

  it('says what is wrong with a query', async () => {
    await expect(prometheus.query('rate(shadowtap_flows)')).rejects.toThrow('expected type range vector');
  });
});

/** Every answer differs in its status, and one of the two targets has no endpoint. */
const PENDING = ['ShadowtapMirrorDiffers', 'ShadowtapCopiesFail'];
