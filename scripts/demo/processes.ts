import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AgentStats } from '../../src/stats.ts';
import type { SecondOfTraffic } from './clients.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** What a shop says that it received. */
export interface Fingerprint {
  readonly received: number;
  readonly fingerprint: string;
}

/** One version of the demo's application; in a pod's namespace, if one is named. */
export class Shop {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(version: string, host: string, port: number, netns?: string): Promise<Shop> {
    const args = [`${HERE}shop.ts`, version, host, String(port)];
    const [command, ...prefix] = netns === undefined ? [process.execPath] : ['ip', 'netns', 'exec', netns, process.execPath];
    const child = spawn(command!, [...prefix, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new Shop(child, `http://${host}:${port}`);
  }

  async fingerprint(): Promise<Fingerprint> {
    const response = await fetch(`${this.#url}/_fingerprint`);
    return (await response.json()) as Fingerprint;
  }

  async stop(): Promise<void> {
    await ended(this.#child, 'SIGKILL');
  }
}

/** The clients of production. */
export class Clients {
  readonly #child: ChildProcess;

  constructor(host: string, port: number, rate: number, onSecond: (second: SecondOfTraffic) => void) {
    this.#child = fork(`${HERE}clients.ts`, [host, String(port), String(rate)]);
    this.#child.on('message', (message) => onSecond(message as SecondOfTraffic));
  }

  /** Sends nothing more; answers still come in. */
  pause(): void {
    this.#child.send('pause');
  }

  resume(): void {
    this.#child.send('resume');
  }

  async stop(): Promise<void> {
    await ended(this.#child, 'SIGKILL');
  }
}

/** The agent, as a user runs it: `shadowtap run -f <config>`. */
export class RunningAgent {
  readonly #child: ChildProcess;
  readonly #admin: string;
  #log = '';

  private constructor(child: ChildProcess, admin: string) {
    this.#child = child;
    this.#admin = admin;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log = (this.#log + text).slice(-20_000)));
  }

  /** @param admin `host:port` of the admin server. Resolves when the agent is ready. */
  static async start(config: string, admin: string): Promise<RunningAgent> {
    const args = [CLI, 'run', '-f', config, '--admin', admin];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    const agent = new RunningAgent(child, admin);
    const deadline = Date.now() + 10_000;
    while (!(await agent.#isReady())) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the agent did not start:\n${agent.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return agent;
  }

  async stats(): Promise<AgentStats> {
    const response = await fetch(`http://${this.#admin}/stats`);
    return (await response.json()) as AgentStats;
  }

  /** Stops it as Kubernetes would, and waits. */
  async stop(): Promise<void> {
    await ended(this.#child, 'SIGTERM');
  }

  async #isReady(): Promise<boolean> {
    const response = await fetch(`http://${this.#admin}/readyz`).catch(() => null);
    return response?.status === 200;
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}
