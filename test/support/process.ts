import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** How a command ended, and what it wrote. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Opens a channel for messages between us and the command, which has to be Node. */
  readonly ipc?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** A command that we started; ends it when disposed of. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Settles when the command has ended; never rejects. */
  readonly finished: Promise<Finished>;

  constructor(argv: readonly [string, ...string[]], options: StartOptions = {}) {
    const [command, ...args] = argv;
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(options.ipc ? ['ipc' as const] : [])];
    this.child = spawn(command, args, { stdio, env: options.env, cwd: options.cwd });
    running.add(this.child);
    this.finished = this.#finish();
  }

  /** The command's own process: what runs it in a namespace or a cgroup replaces itself by it. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.child.spawnfile} could not be started`);
    return this.child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Asks the command to end, and after `graceMs` makes it. @returns how it ended */
  async stop(graceMs = 2_000): Promise<Finished> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    const result = await this.finished;
    clearTimeout(timer);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #finish(): Promise<Finished> {
    const { child } = this;
    const output = Promise.all([child.stdout ? text(child.stdout) : '', child.stderr ? text(child.stderr) : '']);
    const ended = once(child, 'exit').catch((error: unknown) => error);
    const [result, [stdout, stderr]] = await Promise.all([ended, output]);
    running.delete(child);
    if (result instanceof Error) return { code: 127, signal: null, stdout, stderr: result.message };
    const [code, signal] = result as [number | null, NodeJS.Signals | null];
    return { code, signal, stdout, stderr };
  }
}

/** @throws with the command's complaint unless it ended with 0 */
export async function succeeded(what: string, finished: Promise<Finished>): Promise<string> {
  const { code, signal, stdout, stderr } = await finished;
  if (code !== 0) throw new Error(`${what} ended with ${signal ?? code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
