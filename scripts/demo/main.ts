/**
 * The main job on real traffic, in one command: two pods (network namespaces with a version of a small shop each),
 * real clients, the agent with its tap on v1's interface, and v2 receiving the copies.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Pod } from '../../test/support/netns.ts';
import { chooseTap, probeNode, type NodeAbilities } from '../../src/tap/ebpf/probe.ts';
import { Clients, RunningAgent, Shop } from './processes.ts';
import { replayDemo } from './replay-demo.ts';
import { liveTable, mirrored, outcomes, percentiles, type DemoState } from './report.ts';

const USAGE = `usage: npm run demo [-- options]
  --seconds N   how long production runs, 6 to 3600 (default 15); the tap is off in the first third
  --rate N      requests a second (default 500)
  --keep        leave the pods and the agent running at the end, until Ctrl-C
`;
const PORT = 8080;
const ADMIN = '127.0.0.1:9465';

interface Options {
  readonly seconds: number;
  readonly rate: number;
  readonly keep: boolean;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: 'string', default: '15' }, rate: { type: 'string', default: '500' }, keep: { type: 'boolean', default: false }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const number = (name: string, text: string, least: number, most: number): number => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      throw new Error(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
    };
    return { seconds: number('seconds', values.seconds, 6, 3600), rate: number('rate', values.rate, 1, 20_000), keep: values.keep };
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

function configText(v1: Pod, v2: Pod): string {
  return `apiVersion: shadowtap.dev/v1alpha1
kind: Agent
spec:
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
  targets:
    - url: http://${v2.address}:${PORT}
`;
}

async function demo({ seconds, rate, keep }: Options): Promise<boolean> {
  const cleanups: (() => Promise<void> | void)[] = [];
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  try {
    const [v1, v2] = [new Pod(), new Pod()];
    cleanups.push(v1.delete, v2.delete);
    const [production, mirror] = await Promise.all([
      Shop.start('v1', v1.address, PORT, v1.name),
      Shop.start('v2', v2.address, PORT, v2.name),
    ]);
    cleanups.push(() => production.stop(), () => mirror.stop());
    const directory = mkdtempSync(join(tmpdir(), 'shadowtap-demo-'));
    cleanups.push(() => rmSync(directory, { recursive: true }));
    const config = join(directory, 'config.yaml');
    writeFileSync(config, configText(v1, v2));
    process.stdout.write(`pods: ${v1.name} (v1, ${v1.address}:${PORT}) and ${v2.name} (v2, ${v2.address}:${PORT})\n`);

    const state: DemoState = {
      phase: 'production alone, tap off',
      secondsLeft: seconds,
      sent: { get: 0, post: 0, upload: 0 },
      clientErrors: 0,
      latencyOff: [],
      latencyOn: [],
      now: null,
      before: null,
    };
    const screen = new Screen();
    const clients = new Clients(v1.address, PORT, rate, (second) => {
      for (const kind of ['get', 'post', 'upload'] as const) state.sent[kind] += second.sent[kind];
      state.clientErrors += second.errors;
      (state.now === null ? state.latencyOff : state.latencyOn).push(...second.latencies);
    });
    cleanups.push(() => clients.stop());

    let agent: RunningAgent | null = null;
    const offSeconds = Math.floor(seconds / 3);
    // What production got before the tap was there cannot be in the mirror: the comparison starts from here.
    let beforeTap = { received: 0, fingerprint: '0' };
    for (let second = 0; second < seconds; second++) {
      state.secondsLeft = seconds - second;
      if (second === offSeconds) {
        clients.pause();
        await sleep(300);
        beforeTap = await production.fingerprint();
        agent = await RunningAgent.start(config, ADMIN);
        cleanups.push(() => agent?.stop());
        state.phase = 'mirroring, tap on';
        clients.resume();
      }
      if (agent !== null) {
        state.before = state.now;
        state.now = await agent.stats();
      }
      screen.show(liveTable(state));
      if ((await Promise.race([sleep(1000), interrupted])) === 'interrupted') break;
    }
    clients.pause();
    state.phase = 'done';
    state.secondsLeft = 0;
    if (agent === null) return false;
    state.now = await settled(agent);
    state.before = null;
    screen.show(liveTable(state));
    const after = await production.fingerprint();
    const copies = await mirror.fingerprint();
    const requests = after.received - beforeTap.received;
    const intact = BigInt(`0x${after.fingerprint}`) - BigInt(`0x${beforeTap.fingerprint}`) === BigInt(`0x${copies.fingerprint}`);
    const complete = requests === copies.received && mirrored(state.now) === requests && state.now.ledger.open === 0;
    process.stdout.write(
      [
        '',
        `v1 received ${requests} requests with the tap on; v2 received ${copies.received} copies.`,
        `Same methods, targets, headers and bodies on both: ${intact ? 'yes, every one' : 'NO'}.`,
        `Ledger: ${state.now.ledger.seen} seen = ${outcomes(state.now)}; ${state.now.ledger.open} open.`,
        `Production latency, tap off: ${percentiles(state.latencyOff)}`,
        `Production latency, tap on:  ${percentiles(state.latencyOn)}`,
        `(The mirror and the agent share this machine's cores with production here; npm run bench measures with care.)`,
        '',
      ].join('\n'),
    );
    if (keep) {
      clients.resume();
      process.stdout.write(`Still running: agent at http://${ADMIN}/metrics, config ${config}. Ctrl-C takes everything down.\n`);
      await interrupted;
    }
    return intact && complete;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** Waits until every request that was seen has its outcome. */
async function settled(agent: RunningAgent): Promise<NonNullable<DemoState['now']>> {
  let stats = await agent.stats();
  for (let i = 0; i < 50; i++) {
    await sleep(100);
    const next = await agent.stats();
    if (next.ledger.open === 0 && next.ledger.seen === stats.ledger.seen) return next;
    stats = next;
  }
  return stats;
}

/** Shows a block of text over the previous one on a terminal; elsewhere one after the other, every few seconds. */
class Screen {
  #lines = 0;
  #shown = 0;

  show(text: string): void {
    if (process.stdout.isTTY) {
      if (this.#lines > 0) process.stdout.write(`\x1b[${this.#lines}A\x1b[J`);
      this.#lines = text.split('\n').length;
      process.stdout.write(`${text}\n`);
    } else if (this.#shown++ % 5 === 0) {
      process.stdout.write(`${text}\n`);
    }
  }
}

/** Why no BPF tap works here, and what to do about it. */
function whatIsMissing({ root, libbpf, object, load, tcx, cgroup, clsact }: NodeAbilities): string {
  const first = [libbpf, object, load, tcx, cgroup, clsact].find(({ ok }) => !ok);
  const what = first === undefined ? 'no BPF tap works' : `${first.why}; ${first.remedy}`;
  return root ? what : `not run as root; ${what}`;
}

const options = readOptions();
const abilities = probeNode();
const choice = chooseTap(abilities);
const succeeded = choice.tap?.startsWith('ebpf') === true ? await demo(options) : await replayDemo(whatIsMissing(abilities));
process.exitCode = succeeded ? 0 : 1;
