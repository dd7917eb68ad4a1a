import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ShadowtapError } from '../../errors.ts';
import type { Endpoint } from '../tap.ts';
import type { Command, Report, Settings } from './messages.ts';

const CHILD = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url));

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: ShadowtapError) => void;
}

/** The agent's end of the capturing process. */
export class CaptureProcess {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #requests = 0;
  #ending = false;

  /**
   * @param fds descriptors that it inherits: counters, then rings
   * @param onWake a ring has filled past its threshold
   * @param onExit it ended although nobody asked it to
   */
  constructor(fds: readonly number[], onWake: (ring: number) => void, onExit: (error: ShadowtapError) => void) {
    this.#process = fork(CHILD, { stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...fds], execArgv: [] });
    this.#process.on('message', (report: Report) => {
      if (report.type === 'wake') onWake(report.ring);
      else this.#settle(report);
    });
    this.#process.on('error', () => {}); // An exit follows, or the request in hand fails.
    this.#process.once('exit', (code, signal) => {
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      const error = new ShadowtapError('TAP_UNAVAILABLE', `the pcap tap's process ended ${how}; start the tap again`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      if (!this.#ending) onExit(error);
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  start(settings: Settings): Promise<void> {
    return this.#request((request) => ({ type: 'start', request, settings }));
  }

  attach(endpoint: Endpoint): Promise<void> {
    return this.#request((request) => ({ type: 'attach', request, endpoint }));
  }

  detach(endpointId: number): Promise<void> {
    return this.#request((request) => ({ type: 'detach', request, endpointId }));
  }

  /** Resolves when it is gone. */
  async end(): Promise<void> {
    this.#ending = true;
    const { exitCode, signalCode } = this.#process;
    if (this.#process.pid === undefined || exitCode !== null || signalCode !== null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), KILL_AFTER_MS);
      this.#process.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#process.connected) this.#process.disconnect();
    });
  }

  #request(make: (request: number) => Command): Promise<void> {
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject });
      this.#process.send(make(request), (error) => {
        if (error === null) return;
        this.#waiting.delete(request);
        reject(new ShadowtapError('TAP_UNAVAILABLE', "the pcap tap's process is not there; start the tap again", { cause: error }));
      });
    });
  }

  #settle(report: Exclude<Report, { type: 'wake' }>): void {
    const waiting = this.#waiting.get(report.request);
    if (waiting === undefined) return;
    this.#waiting.delete(report.request);
    if (report.type === 'done') waiting.resolve();
    else waiting.reject(new ShadowtapError(report.code, report.message));
  }
}

const KILL_AFTER_MS = 2000;
