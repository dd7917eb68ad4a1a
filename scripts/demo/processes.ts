import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/compare/report.ts';
import type { AgentStats } from '../../src/stats.ts';
import type { TrafficReport } from './clients.ts';
import { atEnd, end } from './lifetime.ts';

/** What a shop says that it received. */
export interface Fingerprint {
  readonly received: number;
  /** Sum over the requests; see shop.ts. */
  readonly fingerprint: bigint;
}

/** One version of the demo's application; in a pod's namespace, if one is named. */
export class Shop {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @param port 0 for any that is free */
  static async start(version: string, host: string, port: number, netns?: string): Promise<Shop> {
    const child = start(`shop ${version}`, 'shop.ts', [version, host, String(port)], netns);
    const [listening] = (await once(child, 'message')) as [{ port: number }];
    return new Shop(child, `http://${host}:${listening.port}`);
  }

  async fingerprint(): Promise<Fingerprint> {
    this.#child.send('fingerprint');
    const [{ received, fingerprint }] = (await once(this.#child, 'message')) as [{ received: number; fingerprint: string }];
    return { received, fingerprint: BigInt(`0x${fingerprint}`) };
  }
}

/** The clients of production; they wait for `resume`. */
export class Clients {
  readonly #child: ChildProcess;

  constructor(host: string, port: number, rate: number, onReport: (report: TrafficReport) => void) {
    this.#child = start('the clients', 'clients.ts', [host, String(port), String(rate)]);
    this.#child.on('message', (message) => onReport(message as TrafficReport));
  }

  resume(): void {
    this.#child.send('resume');
  }

  /** Sends nothing more; resolves when every request has its answer and was reported. */
  async pause(): Promise<void> {
    this.#child.send('pause');
    for (;;) {
      const [report] = (await once(this.#child, 'message')) as [TrafficReport];
      if (report.drained) return;
    }
  }
}

/** The agent as a user runs it, `shadowtap run -f <config>`, at an admin port that is free. */
export class RunningAgent {
  readonly #child: ChildProcess;
  #log = '';
  #admin = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
      this.#admin ||= adminIn(this.#log);
    });
  }

  /** Resolves when the agent is ready. */
  static async start(config: string): Promise<RunningAgent> {
    const child = start('the agent', 'agent.ts', ['run', '-f', config, '--admin', '127.0.0.1:0'], undefined, () => agent.#log);
    const agent = new RunningAgent(child);
    const deadline = Date.now() + 10_000;
    while (!(await agent.#isReady())) {
      if (Date.now() > deadline) end(1, `demo: the agent does not become ready; its log:\n${agent.#log}`);
      await sleep(50);
    }
    return agent;
  }

  /** `host:port` of its admin server. */
  get admin(): string {
    return this.#admin;
  }

  async stats(): Promise<AgentStats> {
    try {
      const response = await fetch(`http://${this.#admin}/stats`, { signal: AbortSignal.timeout(5000) });
      return (await response.json()) as AgentStats;
    } catch {
      await sleep(1000); // If it has ended, that is the better reason, and about to be noticed.
      return end(1, `demo: the agent does not answer; its log:\n${this.#log}`);
    }
  }

  /** Asks until the statistics fit. */
  async until(fits: (stats: AgentStats) => boolean, what: string): Promise<AgentStats> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const stats = await this.stats();
      if (fits(stats)) return stats;
      if (Date.now() > deadline) end(1, `demo: not within 10 s: ${what}; the agent's log:\n${this.#log}`);
      await sleep(50);
    }
  }

  /** Its report, once so many exchanges are in it. */
  async reportOf(exchanges: number): Promise<Report> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const response = await fetch(`http://${this.#admin}/report`, { signal: AbortSignal.timeout(5000) });
      const report = (await response.json()) as Report;
      const compared = report.policies.reduce((sum, { counts }) => sum + counts.compared + Object.values(counts.notCompared).reduce((all, count) => all + count, 0), 0);
      if (compared >= exchanges) return report;
      if (Date.now() > deadline) end(1, `demo: not within 15 s: all ${exchanges} exchanges are in the report, ${compared} are; the agent's log:\n${this.#log}`);
      await sleep(250);
    }
  }

  /** Stops it as Kubernetes would, and waits. */
  async stop(): Promise<void> {
    this.#child.removeAllListeners('close');
    const closed = once(this.#child, 'close') as Promise<[number | null, string | null]>;
    this.#child.kill('SIGTERM');
    const [code, signal] = await closed;
    if (code !== 0) end(1, `demo: the agent stopped with ${signal ?? code}; its log:\n${this.#log}`);
  }

  async #isReady(): Promise<boolean> {
    if (this.#admin === '') return false;
    const response = await fetch(`http://${this.#admin}/readyz`).catch(() => null);
    return response?.status === 200;
  }
}

/** `host:port` from the agent's log, or nothing as long as the port is not open. */
function adminIn(log: string): string {
  const line = /^\{.*"msg":"admin port open".*\}$/m.exec(log)?.[0];
  if (line === undefined) return '';
  const { host, port } = JSON.parse(line) as { host: string; port: number };
  return `${host}:${port}`;
}

/** Starts one of our programs. It ends with the demo, and the demo with it. @param log what to show of it then */
function start(what: string, program: string, args: readonly string[], netns?: string, log?: () => string): ChildProcess {
  const inNetns = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const path = fileURLToPath(new URL(program, import.meta.url));
  const [command, ...rest] = [...inNetns, process.execPath, path, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ['ignore', 'inherit', log === undefined ? 'inherit' : 'pipe', 'ipc'] });
  atEnd(() => child.kill('SIGKILL'));
  child.on('error', (error) => end(1, `demo: ${what} cannot be started: ${error.message}`));
  child.on('close', (code, signal) => {
    end(1, `demo: ${what} ended with ${signal ?? code}${log === undefined ? '' : `; its log:\n${log()}`}`);
  });
  return child;
}
