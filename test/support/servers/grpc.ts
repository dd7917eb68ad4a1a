import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Place } from '../network.ts';
import type { Running } from '../process.ts';

const PROGRAM = fileURLToPath(new URL('./grpc-process.ts', import.meta.url));

/** A call as the server heard it. */
export interface ServedCall {
  readonly method: string;
  /** Length and digest of each. */
  readonly messages: readonly string[];
  readonly how: 'answered' | 'cancelled';
  readonly metadata: string;
  readonly hasDeadline: boolean;
  /** It bears the marker of a copy. */
  readonly marked: boolean;
}

export type GrpcEvent =
  | { readonly kind: 'listening' }
  | { readonly kind: 'message'; readonly method: string }
  | { readonly kind: 'call'; readonly call: ServedCall };

/** Starts a server of grpc-js that echoes (see ECHO_SERVICE) in a process of its own; v2 does not get all of it right. Resolves when it listens. */
export async function startGrpcServer(place: Place, port: number, version: 'v1' | 'v2' = 'v1'): Promise<GrpcServer> {
  const server = new GrpcServer(place.start(process.execPath, [PROGRAM, `${port}`, version], { ipc: true }));
  await server.listening();
  return server;
}

export class GrpcServer implements AsyncDisposable {
  /** Calls that are over. */
  readonly calls: ServedCall[] = [];
  /** Messages of all calls so far. */
  messages = 0;
  readonly #process: Running;
  readonly #listening: Promise<unknown>;

  constructor(process: Running) {
    this.#process = process;
    this.#listening = once(process.child, 'message');
    process.child.on('message', (event: GrpcEvent) => {
      if (event.kind === 'call') this.calls.push(event.call);
      else if (event.kind === 'message') this.messages += 1;
    });
  }

  async listening(): Promise<void> {
    const ended = this.#process.finished.then(({ stderr }) => {
      throw new Error(`the gRPC server did not start: ${stderr}`);
    });
    await Promise.race([this.#listening, ended]);
  }

  /** Waits until so many calls are over. @returns them, without what tells originals from copies, in an order of their own */
  async waitFor(count: number, timeoutMs = 10_000): Promise<string[]> {
    const deadline = Date.now() + timeoutMs;
    while (this.calls.length < count) {
      if (Date.now() > deadline) throw new Error(`${this.calls.length} of ${count} calls are over`);
      await sleep(10);
    }
    return this.calls.map(({ marked: _, ...rest }) => JSON.stringify(rest)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}
