import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { LedgerSums } from '../../src/ledger/book.ts';
import type { AgentStats } from '../../src/stats.ts';
import { HOST } from './network.ts';
import type { Finished, Running } from './process.ts';

const CONFIG_FILE = 'agent.yaml';
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** A standalone agent. */
export interface AgentOptions extends StartingOptions {
  /** `spec` of the Agent document, without the admin address. */
  readonly spec: { readonly endpoints: readonly object[] } & Readonly<Record<string, unknown>>;
  /** MirrorPolicy documents: name and `spec`. */
  readonly policies: Readonly<Record<string, object>>;
}

/** An agent of a node: pods and policies are those of the cluster. */
export interface NodeAgentOptions extends StartingOptions {
  readonly spec: { readonly kubernetes: object } & Readonly<Record<string, unknown>>;
  readonly policies?: never;
}

interface StartingOptions {
  /** false: does not wait for every endpoint to be tapped. */
  readonly ready?: boolean;
  /** Starts it elsewhere than here, such as in a container. */
  readonly launch?: Launch;
}

/** @param folder where its configuration is, as agent.yaml */
export type Launch = (folder: string) => Launched;

export interface Launched {
  readonly process: Running;
  /** Address of its admin port, where that is not the one it listens on. */
  readonly address?: string;
}

/**
 * Runs the product as a user does, `shadowtap run -f agent.yaml`, in a process of its own.
 * Resolves when it is ready: workers run and every configured endpoint is tapped, or the cluster has been heard.
 */
export async function startAgent({ spec, policies = {}, ready = true, launch = launchHere }: AgentOptions | NodeAgentOptions): Promise<AgentUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-agent-'));
  writeConfig(join(folder, CONFIG_FILE), { spec, policies });
  const agent = new AgentUnderTest(launch(folder), folder);
  try {
    await agent.listening();
    if (ready) await agent.ready();
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

function launchHere(folder: string): Launched {
  return { process: HOST.start(process.execPath, [CLI, 'run', '-f', join(folder, CONFIG_FILE)]) };
}

/** Runs another command of the product that takes `-f config.yaml`. The file goes with the command. */
export function runCommand(args: readonly string[], options: AgentOptions | NodeAgentOptions): Running {
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-command-'));
  const config = join(folder, 'config.yaml');
  writeConfig(config, { spec: options.spec, policies: options.policies ?? {} });
  const command = HOST.start(process.execPath, [CLI, ...args, '-f', config]);
  void command.finished.then(() => rmSync(folder, { recursive: true, force: true }));
  return command;
}

/** Ids of the BPF links that a process holds. */
export function linksOf(pid: number): number[] {
  const folder = `/proc/${pid}/fdinfo`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      const id = /^link_id:\s*(\d+)$/m.exec(readFileSync(`${folder}/${fd}`, 'utf8'))?.[1];
      return id === undefined ? [] : [Number(id)];
    } catch {
      return []; // Closed meanwhile.
    }
  });
}

function writeConfig(path: string, { spec, policies }: Pick<AgentOptions, 'policies'> & { readonly spec: object }): void {
  const apiVersion = 'shadowtap.dev/v1alpha1';
  const documents = [
    { apiVersion, kind: 'Agent', spec: { admin: '127.0.0.1:0', drainGrace: '2s', ...spec } },
    ...Object.entries(policies).map(([name, policy]) => ({ apiVersion, kind: 'MirrorPolicy', metadata: { name }, spec: policy })),
  ];
  // JSON is YAML.
  writeFileSync(path, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
}

export class AgentUnderTest implements AsyncDisposable {
  readonly process: Running;
  readonly #folder: string;
  readonly #address: string | undefined;
  #log = '';
  #ended = false;
  #admin = '';

  constructor({ process, address }: Launched, folder: string) {
    this.process = process;
    this.#folder = folder;
    this.#address = address;
    process.child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    void process.finished.then(() => (this.#ended = true));
  }

  /** Its log lines so far. */
  get log(): readonly Record<string, unknown>[] {
    // What follows the last line's end may be half a line.
    return this.#log.split('\n').slice(0, -1).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  }

  /** URL of its admin port. */
  get admin(): string {
    return this.#admin;
  }

  /** Changes its configuration file. */
  configure(options: AgentOptions): void {
    writeConfig(join(this.#folder, CONFIG_FILE), options);
  }

  /** Waits for a line in its log. */
  async logged(message: string, timeoutMs = 10_000): Promise<void> {
    await this.#until(() => this.log.some(({ msg }) => msg === message), `it says: ${message}`, timeoutMs);
  }

  async listening(): Promise<void> {
    await this.#until(() => {
      const line = this.log.find(({ msg }) => msg === 'admin port open');
      if (line !== undefined) this.#admin = `http://${this.#address ?? String(line.host)}:${String(line.port)}`;
      return line !== undefined;
    }, 'the admin port is open');
  }

  async ready(): Promise<void> {
    await this.#until(async () => (await this.page('/readyz')).status === 200, 'it is ready');
  }

  page(path: string): Promise<Response> {
    return fetch(this.#admin + path);
  }

  async stats(): Promise<AgentStats> {
    return (await (await this.page('/stats')).json()) as AgentStats;
  }

  /** Waits until `fits` holds for its statistics. @throws with the last ones when it takes too long */
  async until(fits: (stats: AgentStats) => boolean, timeoutMs = 10_000): Promise<AgentStats> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const stats = await this.stats();
      if (fits(stats)) return stats;
      if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${fits.toString()}\n${JSON.stringify(stats, null, 1)}`);
      await sleep(20);
    }
  }

  /** Waits until so many requests were seen and every one of them has its outcome; the sums are checked. */
  async settled(seen: number, timeoutMs?: number): Promise<AgentStats> {
    const stats = await this.until(({ ledger }) => ledger.seen >= seen && ledger.open === 0, timeoutMs);
    expectSums(stats.ledger);
    return stats;
  }

  /** Stops it as Kubernetes does. @returns the ledger that it closes with, whose sums are checked */
  async stop(): Promise<LedgerSums> {
    const { code, stderr } = await this.process.stop(10_000);
    expect(code, stderr).toBe(0);
    const last = this.log.findLast(({ msg }) => msg === 'stopped');
    const ledger = last?.ledger as LedgerSums;
    expectSums(ledger);
    expect(ledger.open).toBe(0);
    return ledger;
  }

  /** `kill -9`. */
  async kill(): Promise<Finished> {
    this.process.signal('SIGKILL');
    return this.process.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stop(5_000);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #until(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 10_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await holds())) {
      if (this.#ended || Date.now() > deadline) throw new Error(`the agent ${this.#ended ? 'ended' : 'did not get there'} before ${what}:\n${this.#log}`);
      await sleep(20);
    }
  }
}

/** The ledger's promise: each request that was seen has one outcome, or is open. */
export function expectSums({ seen, open, requests }: LedgerSums): void {
  expect(requests.reduce((sum, { count }) => sum + count, open)).toBe(seen);
  expect(open).toBeGreaterThanOrEqual(0);
}

/** Requests by `outcome` or `outcome reason`. */
export function outcomes({ requests }: LedgerSums): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { outcome, reason, count } of requests) {
    const name = reason === '' ? outcome : `${outcome} ${reason}`;
    sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
