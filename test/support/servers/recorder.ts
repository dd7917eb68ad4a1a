import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Place } from '../network.ts';
import type { Running } from '../process.ts';
import type { Behaviour, Call, ReceivedRequest, Reply } from './protocol.ts';

export type { Behaviour, ReceivedRequest } from './protocol.ts';

const PROGRAM = fileURLToPath(new URL('./recorder-process.ts', import.meta.url));

export interface RecorderOptions {
  readonly port: number;
  /** Address to listen on; every one, IPv6 included, by default. */
  readonly host?: string;
  readonly behaviour?: Behaviour;
}

/** Starts Node's HTTP server at a place; it remembers every request. Resolves when it listens. */
export async function startRecorder(place: Place, options: RecorderOptions): Promise<Recorder> {
  const recorder = new Recorder(place.start(process.execPath, [PROGRAM], { ipc: true }));
  try {
    await recorder.listen(options.port, options.host);
    if (options.behaviour) await recorder.behave(options.behaviour);
    return recorder;
  } catch (error) {
    await recorder.stop();
    throw error;
  }
}

/** A server in a process of its own that tells what it received. Disposing of it ends it: its port refuses from then on. */
export class Recorder implements AsyncDisposable {
  readonly #process: Running;
  readonly #calls = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #lastCall = 0;

  constructor(process: Running) {
    this.#process = process;
    process.child.on('message', (reply: Reply) => {
      const call = this.#calls.get(reply.id);
      this.#calls.delete(reply.id);
      if (reply.error === undefined) call?.resolve(reply.result);
      else call?.reject(new Error(`recording server: ${reply.error}`));
    });
    void process.finished.then(({ code, signal, stderr }) => {
      for (const call of this.#calls.values()) call.reject(new Error(`the recording server ended with ${signal ?? code}: ${stderr}`));
      this.#calls.clear();
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  async listen(port: number, host?: string): Promise<void> {
    await this.#call({ do: 'listen', port, host });
  }

  /** How requests are treated whose bodies end from now on. */
  async behave(behaviour: Behaviour): Promise<void> {
    await this.#call({ do: 'behave', behaviour });
  }

  /** Number of requests received so far, aborted ones included. */
  async count(): Promise<number> {
    return (await this.#call({ do: 'count' })) as number;
  }

  /** In the order in which they ended. */
  async requests(): Promise<ReceivedRequest[]> {
    return (await this.#call({ do: 'requests' })) as ReceivedRequest[];
  }

  /** Begins a new record. */
  async forget(): Promise<void> {
    await this.#call({ do: 'forget' });
  }

  /** Waits until so many requests have arrived. @throws after `timeoutMs`, with the number that have */
  async waitFor(count: number, timeoutMs = 5_000): Promise<ReceivedRequest[]> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const arrived = await this.count();
      if (arrived >= count) return this.requests();
      if (Date.now() > deadline) throw new Error(`${arrived} of ${count} requests arrived within ${timeoutMs} ms`);
      await sleep(10);
    }
  }

  /** The process stands still and goes on later: its sockets fill up meanwhile. */
  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    this.#process.signal('SIGCONT');
    await this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #call(call: DistributiveOmit<Call, 'id'>): Promise<unknown> {
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#process.child.send({ id, ...call }, (error) => error && reject(error));
    });
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
