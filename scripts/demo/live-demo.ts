import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentStats } from '../../src/stats.ts';
import { removeLeftovers } from '../../test/support/leftovers.ts';
import { Pod } from '../../test/support/netns.ts';
import { atEnd, temporaryFolder } from './lifetime.ts';
import { Clients, RunningAgent, Shop, type Fingerprint } from './processes.ts';
import { defectsIn } from './defects.ts';
import { showPage } from './show-page.ts';
import { liveTable, Screen, summary, type DemoState } from './report.ts';

export interface DemoOptions {
  readonly seconds: number;
  /** Requests a second. */
  readonly rate: number;
  readonly keep: boolean;
  /** Show the agent's page. */
  readonly page: boolean;
}

const PORT = 8080;
/** By turns: what else goes on on this machine then disturbs both alike. */
const PHASES = ['off', 'on', 'off', 'on'] as const;
/** Not measured: programs are slow in their first second. */
const WARM_UP_MS = 1000;

/** @param killSwitch while this file exists, the tap is detached */
function configText(v1: Pod, v2: Pod, killSwitch: string): string {
  return `apiVersion: shadowtap.dev/v1alpha1
kind: Agent
spec:
  killSwitchFile: ${killSwitch}
  killSwitchTaps: Detach
  endpoints:
    - name: shop/checkout-v1
      labels: { app: checkout }
      netns: ${v1.netns}
      ports: [{ name: http, port: ${PORT} }]
---
apiVersion: shadowtap.dev/v1alpha1
kind: MirrorPolicy
metadata: { name: checkout-next, namespace: shop }
spec:
  selector: { matchLabels: { app: checkout } }
  ports: [http]
  observe: true
  compare: { maxPerSecond: 0 }
  targets:
    - url: http://${v2.address}:${PORT}
`;
}

/** @returns whether v2 got a copy of every request that v1 got with the tap on, and of no other, and the report names what is wrong with it */
export async function liveDemo({ seconds, rate, keep, page }: DemoOptions): Promise<boolean> {
  removeLeftovers();
  const [v1, v2] = [makePod(), makePod()];
  const folder = temporaryFolder();
  const config = join(folder, 'config.yaml');
  const killSwitch = join(folder, 'off');
  writeFileSync(config, configText(v1, v2, killSwitch));
  writeFileSync(killSwitch, '');
  const [production, mirror, agent] = await Promise.all([
    Shop.start('v1', v1.address, PORT, v1.name),
    Shop.start('v2', v2.address, PORT, v2.name),
    RunningAgent.start(config),
  ]);
  process.stdout.write(`pods: ${v1.name} (v1, ${v1.address}:${PORT}) and ${v2.name} (v2, ${v2.address}:${PORT})\n`);

  if (page) showPage(`http://${agent.admin}/`);

  const state: DemoState = {
    phase: '',
    secondsLeft: seconds,
    askedRate: rate,
    productionMs: 0,
    sent: { get: 0, post: 0, upload: 0 },
    clientErrors: 0,
    latencies: { off: [], on: [] },
    now: await agent.stats(),
    before: null,
  };
  const screen = new Screen();
  let latencies: number[] | null = null;
  const clients = new Clients(v1.address, PORT, rate, (report) => {
    if (latencies === null) return;
    latencies.push(...report.latencies);
    for (const kind of ['get', 'post', 'upload'] as const) state.sent[kind] += report.sent[kind];
    state.clientErrors += report.errors;
  });

  clients.resume();
  await sleep(WARM_UP_MS);
  await clients.pause();

  const expected = { received: 0, fingerprint: 0n };
  const phaseMs = (seconds * 1000 - WARM_UP_MS) / PHASES.length;
  for (const [index, tap] of PHASES.entries()) {
    await switchTap(agent, killSwitch, tap === 'on');
    const before = await production.fingerprint();
    state.phase = tap === 'on' ? 'mirroring, tap on' : 'production alone, tap off';
    latencies = state.latencies[tap];
    const startedMs = performance.now();
    clients.resume();
    for (let leftMs = phaseMs; leftMs > 0; leftMs = phaseMs - (performance.now() - startedMs)) {
      await sleep(Math.min(1000, leftMs));
      state.before = state.now;
      state.now = await agent.stats();
      state.secondsLeft = Math.ceil(((PHASES.length - index) * phaseMs - (performance.now() - startedMs)) / 1000);
      screen.show(() => liveTable(state));
    }
    await clients.pause();
    state.productionMs += performance.now() - startedMs;
    if (tap === 'on') add(expected, before, await production.fingerprint());
    // Switching off gives up what waits: first everything has its outcome.
    state.now = await agent.until(({ ledger }) => ledger.open === 0 && ledger.seen >= expected.received, 'every request has its outcome');
  }

  state.phase = 'done';
  state.secondsLeft = 0;
  state.before = null;
  screen.show(() => liveTable(state), 'now');
  const { text, agree } = summary(state, expected, await mirror.fingerprint());
  process.stdout.write(text);
  const defects = defectsIn(await agent.reportOf(expected.received));
  process.stdout.write(`\n${defects.text}\nThe whole report, while the agent runs (--keep, --page): bin/shadowtap report --admin ${agent.admin}, or the page at http://${agent.admin}/.\n`);
  if (keep) {
    clients.resume();
    process.stdout.write(`Still running: the agent's page is http://${agent.admin}/, its metrics http://${agent.admin}/metrics; config ${config}. Ctrl-C takes everything down.\n`);
    await new Promise(() => {});
  }
  await agent.stop();
  return agree && defects.right;
}

function makePod(): Pod {
  const pod = new Pod();
  atEnd(pod.delete);
  return pod;
}

/** Attaches or detaches the tap, by the kill switch. Resolves when that is done. */
async function switchTap(agent: RunningAgent, killSwitch: string, on: boolean): Promise<void> {
  if (on) rmSync(killSwitch);
  else writeFileSync(killSwitch, '');
  const isAttached = ({ endpoints }: AgentStats): boolean => endpoints.some(({ attached }) => attached);
  await agent.until((stats) => stats.mirroring === on && isAttached(stats) === on, `the tap is ${on ? 'on' : 'off'}`);
}

/** Adds what a shop received between two looks at it. */
function add(sum: { received: number; fingerprint: bigint }, before: Fingerprint, after: Fingerprint): void {
  sum.received += after.received - before.received;
  sum.fingerprint += after.fingerprint - before.fingerprint;
}
