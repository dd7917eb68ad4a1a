import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PolicyReport, Report } from '../../src/compare/report.ts';
import { startAgent, type AgentUnderTest } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, HOST, type Network, type Place, type Pod } from '../support/network.ts';
import type { Finished, Running } from '../support/process.ts';
import { startVersion } from '../support/servers/versions.ts';
import { PORT } from './scene.ts';

const SHADOWTAP = fileURLToPath(new URL('../../bin/shadowtap', import.meta.url));
const TOKEN = 'a-token-that-is-long-enough';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-report-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface SceneOptions {
  /** Of the mirror. */
  readonly version?: 'v1' | 'v2';
  /** Settings of the agent. */
  readonly settings?: (network: Network) => Readonly<Record<string, unknown>>;
}

class Scene implements AsyncDisposable {
  readonly app: Pod;
  readonly shadow: Pod;
  readonly agent: AgentUnderTest;
  #mirror: Running;
  readonly #stack: AsyncDisposableStack;

  constructor(app: Pod, shadow: Pod, mirror: Running, agent: AgentUnderTest, stack: AsyncDisposableStack) {
    this.app = app;
    this.shadow = shadow;
    this.agent = agent;
    this.#mirror = mirror;
    this.#stack = stack;
  }

  /** Another version takes the mirror's place, at its address. */
  async replaceMirror(version: 'v1' | 'v2'): Promise<void> {
    await this.#mirror.stop();
    this.#mirror = this.#stack.use(await startVersion(this.shadow, version, PORT, 'http/1.1'));
  }

  /** Asks production one after another, some hundreds a second, until all are asked or somebody has had enough. */
  async ask(paths: Iterable<string>, enough: AbortSignal = new AbortController().signal): Promise<void> {
    for (const path of paths) {
      if (enough.aborted) return;
      expect((await fetch(`http://${this.app.address}:${PORT}${path}`)).status).toBe(200);
      await sleep(1);
    }
  }

  /** Waits until everything that was asked so far is compared. */
  async compared(count: number): Promise<void> {
    await expect.poll(async () => (await this.report())[0]?.counts.compared, { timeout: 10_000 }).toBe(count);
  }

  async report(): Promise<readonly PolicyReport[]> {
    const { code, stdout, stderr } = await this.shadowtap('report', '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return (JSON.parse(stdout) as Report).policies;
  }

  shadowtap(command: string, ...args: string[]): Promise<Finished> {
    return this.shadowtapFrom(HOST, command, ...args);
  }

  async shadowtapFrom(place: Place, command: string, ...args: string[]): Promise<Finished> {
    await using running = place.start(SHADOWTAP, [command, '--admin', this.agent.admin, ...args]);
    return await running.finished;
  }

  /** The gate, while production is asked these. What the command tells of its beginning is left out. */
  async gate(paths: Iterable<string>, ...args: string[]): Promise<Finished> {
    await using gate = await this.startGate(...args);
    const enough = new AbortController();
    const finished = gate.finished.finally(() => enough.abort());
    await this.ask(paths, enough.signal);
    return withoutBeginning(await finished);
  }

  /** Resolves when it has looked for the first time: what is asked from then on counts. */
  async startGate(...args: string[]): Promise<Running> {
    const gate = HOST.start(SHADOWTAP, ['gate', '--admin', this.agent.admin, '--policy', 'next', ...args]);
    let said = '';
    gate.child.stderr!.on('data', (data: Buffer) => (said += data.toString()));
    await expect.poll(() => said, { timeout: 10_000 }).toContain('watching');
    return gate;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function withoutBeginning({ stderr, ...rest }: Finished): Finished {
  return { ...rest, stderr: stderr.replace(/^shadowtap: watching default\/next for \d+s, by 1 agent\n/, '') };
}

async function createScene({ version = 'v2', settings = () => ({}) }: SceneOptions = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await createNetwork());
  const app = await network.createPod({ name: 'v1' });
  const shadow = await network.createPod({ name: 'v2' });
  stack.use(await startVersion(app, 'v1', PORT, 'http/1.1'));
  const mirror = stack.use(await startVersion(shadow, version, PORT, 'http/1.1'));
  const agent = stack.use(
    await startAgent({
      spec: { tap: 'ebpf:tcx', endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }], ...settings(network) },
      // How long answers take is up to a machine that does much else.
      policies: { next: { selector: {}, targets: [{ url: `http://${shadow.address}:${PORT}` }], compare: { maxPerSecond: 0, maxSlowdownPercent: 1000 } } },
    }),
  );
  return new Scene(app, shadow, mirror, agent, stack.move());
}

function* endless(prefix: string, from = 1): Iterable<string> {
  for (let number = from; ; number++) yield `${prefix}${number}`;
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);
}

/** So often that it is known what varies by itself. */
const REPEATED = Array.from({ length: 12 }, () => numbered('/noisy/', 10)).flat();

const FIELD = { where: 'body /price', kind: 'field' };

describe.skipIf(!requireKernel())('shadowtap report', () => {
  it('says as a table, JSON, a page and JUnit what differs, what is noise, and that all else is equal', async () => {
    await using scene = await createScene();
    await scene.ask([...REPEATED, ...numbered('/same/', 120), ...Array.from({ length: 12 }, () => numbered('/changed/', 10)).flat()]);
    await scene.compared(360);

    const [policy] = await scene.report();
    expect(policy).toMatchObject({ policy: 'default/next', verdict: 'differs', counts: { compared: 360, different: 120, notCompared: {} } });
    expect(policy!.endpoints.map(({ template, verdict, fields, noise }) => [template, verdict, fields.map(({ where }) => where), noise.map(({ where }) => where)])).toEqual([
      ['/changed/{id}', 'differs', ['body /price'], []],
      ['/noisy/{id}', 'looks safe', [], ['body /waiting']],
      ['/same/{id}', 'looks safe', [], []],
    ]);
    expect(policy!.endpoints[0]!.fields[0]).toMatchObject({ ...FIELD, count: 120, examples: expect.arrayContaining([{ production: expect.stringMatching(/^\d+$/), mirror: expect.stringMatching(/^\d+$/) }]) });

    const table = (await scene.shadowtap('report')).stdout;
    expect(table).toMatch(/^default\/next -> http:\/\/[\d.:]+: DIFFERS\n {2}1 endpoint of 3 differs: GET \/changed\/\{id\}\.\n/);
    expect(Math.max(...table.split('\n').filter((line) => /^[│┌└├]/.test(line)).map((line) => line.length))).toBeLessThanOrEqual(120);

    const page = (await scene.shadowtap('report', '-o', 'html')).stdout;
    expect(page).toMatch(/^<!doctype html>.*<code>GET \/changed\/\{id\}<\/code> <span class="badge differs">.*<\/html>\n$/s);

    const xml = (await scene.shadowtap('report', '-o', 'junit')).stdout;
    expect([...xml.matchAll(/<testcase .*? name="(.*?)".*?>\s*<(failure|system-out)/g)].map(([, name, said]) => `${name}: ${said}`)).toEqual([
      'the policy as a whole: failure',
      'GET /changed/{id}: failure',
      'GET /noisy/{id}: system-out',
      'GET /same/{id}: system-out',
    ]);
  });

  it.each(['report', 'gate'])('%s refuses flags that are wrong, and a policy that nobody compares by', async (command) => {
    await using scene = await createScene();
    const wrong = [['-p', 'nxet'], ['-p', 'next', '-o', 'xml'], ['-p', 'next', '--token-file', join(folder, 'none')]];
    if (command === 'gate') wrong.push(['-p', 'next', '--for', 'ever'], ['-p', 'next', '--for', '10ms'], ['-p', 'next', '--max-diff', '101%'], ['-p', 'next', '--min-compared', '0']);
    for (const args of wrong) {
      const { code, stdout, stderr } = await scene.shadowtap(command, ...(command === 'gate' && !args.includes('--for') ? ['--for', '1s'] : []), ...args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toMatch(/^shadowtap: --.*\n$/);
    }
  });

  it('shows values to nobody who is elsewhere and has no token', async () => {
    const tokenFile = join(folder, 'token');
    const wrongFile = join(folder, 'wrong');
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    writeFileSync(wrongFile, 'another-token-of-the-same-length\n');
    await using scene = await createScene({ settings: ({ address }) => ({ admin: `${address}:0`, page: { tokenFile } }) });
    await scene.ask(numbered('/changed/', 120));
    await scene.compared(120);
    const examples = async (place: Place, ...args: string[]): Promise<number> => {
      const { code, stdout } = await scene.shadowtapFrom(place, 'report', '-o', 'json', ...args);
      expect(code).toBe(0);
      const [field] = (JSON.parse(stdout) as Report).policies[0]!.endpoints[0]!.fields;
      expect(field).toMatchObject(FIELD);
      return field!.examples.length;
    };
    expect(await examples(HOST)).toBe(0);
    expect(await examples(scene.app)).toBe(0);
    expect(await examples(scene.app, '--token-file', wrongFile)).toBe(0);
    expect(await examples(scene.app, '--token-file', tokenFile)).toBeGreaterThan(0);
  });

  it('shows none without a token where the port is not of this machine alone', async () => {
    await using scene = await createScene({ settings: ({ address }) => ({ admin: `${address}:0` }) });
    await scene.ask(numbered('/changed/', 120));
    await scene.compared(120);
    const { stdout } = await scene.shadowtapFrom(scene.app, 'report', '-o', 'json', '-p', 'next');
    const [field] = (JSON.parse(stdout) as Report).policies[0]!.endpoints[0]!.fields;
    expect(field).toMatchObject({ ...FIELD, count: 120, examples: [] });
  });
});

describe.skipIf(!requireKernel())('shadowtap gate', () => {
  it('lets pass what is equal, does not what differs, and does not know where too little was compared', async () => {
    await using scene = await createScene({ version: 'v1' });
    const equal = await scene.gate(endless('/same/'), '--for', '3s');
    expect(equal.stderr).toBe('');
    expect(equal.code, equal.stdout).toBe(0);
    expect(equal.stdout).toMatch(/: LOOKS SAFE\n {2}0 of [\d,]+ answers differ: below [\d.]+ % with 95 % confidence\.\n/);

    const idle = await scene.gate(numbered('/same/', 3), '--for', '3s', '-o', 'json');
    expect(idle.code).toBe(5);
    const [policy] = (JSON.parse(idle.stdout) as Report).policies;
    expect(policy).toMatchObject({ verdict: 'too little data', counts: { compared: 3 } });
    expect(Date.parse(policy!.since)).toBeGreaterThan(Date.now() - 10_000);

    await scene.replaceMirror('v2');
    const started = Date.now();
    const different = await scene.gate(repeating('/changed/'), '--for', '60s', '-o', 'junit');
    expect(different.code, different.stdout).toBe(4);
    expect(different.stdout).toContain('<failure');
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('counts nothing from before it looks, but knows what was noise before', async () => {
    await using scene = await createScene();
    await scene.ask([...REPEATED, ...numbered('/changed/', 100)]);
    await scene.compared(REPEATED.length + 100);
    expect((await scene.report())[0]).toMatchObject({ verdict: 'differs', counts: { different: 100 } });

    await scene.replaceMirror('v1');
    const right = await scene.gate(alternately(endless('/changed/', 1_000), endless('/noisy/', 1_000)), '--for', '3s', '-o', 'json');
    expect(right.code, right.stdout).toBe(0);
    const [policy] = (JSON.parse(right.stdout) as Report).policies;
    expect(policy!.counts.different).toBe(0);
    expect(policy!.counts.noise).toBeGreaterThan(50);
    const [field] = policy!.endpoints.find(({ template }) => template === '/noisy/{id}')!.noise;
    expect(field).toMatchObject({ where: 'body /waiting', because: expect.stringMatching(/^noise: production's own answers differ here in \d+ of \d+ repeats/) });
    expect((await scene.report())[0]!.verdict).toBe('differs');
  });

  it('lets as much differ as it is told', async () => {
    await using scene = await createScene();
    const allowed = await scene.gate(endless('/rare/'), '--for', '4s', '--max-diff', '5%', '-o', 'json');
    expect(allowed.code, allowed.stdout).toBe(0);
    const [policy] = (JSON.parse(allowed.stdout) as Report).policies;
    expect(policy!.counts.different).toBe(Math.floor(policy!.counts.compared / 100));
    expect(policy!.counts.different).toBeGreaterThan(0);

    const strict = await scene.gate(endless('/rare/'), '--for', '4s', '--max-diff', '0.01%', '-o', 'json');
    expect(strict.code, strict.stdout).toBe(4);
  });

  it('fails where the agent goes away meanwhile, with what was known; where there is none; and where it is stopped', async () => {
    await using scene = await createScene({ version: 'v1' });
    await using stopping = await scene.startGate('--for', '60s');
    const stopped = withoutBeginning(await stopping.stop());
    expect(stopped).toMatchObject({ code: 1, stderr: 'shadowtap: it was stopped before its time was over\n' });
    expect(stopped.stdout).toContain(': TOO LITTLE DATA\n');

    await using watching = await scene.startGate('--for', '3s');
    await scene.agent.kill();
    const alone = withoutBeginning(await watching.finished);
    expect(alone.code).toBe(1);
    expect(alone.stderr).toMatch(/^shadowtap: 127\.0\.0\.1:\d+: .*\n$/);
    expect(alone.stdout).toContain(': TOO LITTLE DATA\n');

    const gone = await scene.shadowtap('gate', '-p', 'next', '--for', '3s');
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.stderr).toMatch(/^shadowtap: no agent answers: 127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n$/);
  });
});

/** Ten of them again and again, so that it is known soon what varies by itself. */
function* repeating(prefix: string): Iterable<string> {
  for (;;) yield* numbered(prefix, 10);
}

function* alternately(one: Iterable<string>, other: Iterable<string>): Iterable<string> {
  const iterators = [one[Symbol.iterator](), other[Symbol.iterator]()];
  for (let turn = 0; ; turn++) yield iterators[turn % 2]!.next().value as string;
}
