import { setTimeout as sleep } from 'node:timers/promises';
import { ByteBudget } from '../../src/flow/budget.ts';
import type { EndReason } from '../../src/flow/stream.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Emitter } from '../../src/mirror/emitter.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { Recorder } from '../../src/record/recorder.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry, type CompiledSnapshot } from '../../src/worker/targets.ts';
import { WorkerCounters } from '../../src/worker/worker-counters.ts';
import { END_STREAM, PREFACE, answer, data, headers, hpack, requestBlock, responseBlock, settings } from '../http/h2/frames.ts';

const FLOW = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };

/** A message of gRPC with its prefix. */
export function message(text: string | Buffer, compressed = 0): Buffer {
  const content = Buffer.from(text as string, 'latin1');
  const prefix = Buffer.from([compressed, 0, 0, 0, 0]);
  prefix.writeUInt32BE(content.length, 1);
  return Buffer.concat([prefix, content]);
}

export function call(stream: number, ...fields: readonly string[]): Buffer {
  return headers(stream, requestBlock('/shop.Cart/Chat', 'POST', 'content-type', 'application/grpc', 'te', 'trailers', ...fields));
}

/** The original server's answer, and its end. */
export const answerHead = (stream: number): Buffer => headers(stream, responseBlock(200, 'content-type', 'application/grpc'));
export const answerEnd = (stream: number): Buffer => headers(stream, hpack.block('grpc-status', '0'), 4 | END_STREAM);
export const halfClose = (stream: number): Buffer => data(stream, '', END_STREAM);
export { answer };

/** Decoder, policies and emitter over one connection's bytes, as a worker has them. */
export class GrpcRig implements AsyncDisposable {
  readonly book = new AccountBook(1);
  readonly budget: ByteBudget;
  readonly emitter: Emitter;
  readonly recorder: Recorder;
  readonly pipeline: Pipeline;
  readonly #connection: HttpConnection;
  readonly #timer: NodeJS.Timeout;
  #nowUs = 0;

  constructor(spec: object, { joined = false, memory = 32 << 20 } = {}) {
    this.budget = new ByteBudget(memory);
    this.emitter = new Emitter(this.budget);
    this.recorder = new Recorder({ clock: (us) => us / 1000, share: { index: 0, count: 1 }, budget: this.budget, counters: new WorkerCounters(), onProblem: () => {} });
    this.pipeline = new Pipeline(this.book.workers[0]!, this.emitter, this.budget, this.compile([spec]), 'marker', { recorder: this.recorder });
    this.#connection = new HttpConnection(FLOW, { mute() {} }, this.pipeline, { maxHeadBytes: 128 * 1024, budget: this.budget }, newHttpCounters());
    this.#timer = setInterval(() => {
      this.emitter.tick(performance.now());
      this.recorder.tick(performance.now());
    }, 10);
    if (joined) return;
    this.client(PREFACE, settings());
    this.server(settings());
  }

  /** Policies as a worker gets them, in place of those before. */
  apply(specs: readonly object[], off = false): void {
    this.pipeline.apply(this.compile(specs, off));
    if (off) this.emitter.abandonRetired();
  }

  compile(specs: readonly object[], off = false): CompiledSnapshot {
    const policies = specs.map((spec): MirrorPolicy => {
      const { value, problems } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name: 'p' }, spec: { selector: {}, ...spec } });
      if (value === null) throw new Error(JSON.stringify(problems));
      return value;
    });
    const snapshot = buildSnapshot(1, policies, [{ id: 1, name: 'e', labels: {}, ports: [8080] }]);
    const accounts = policies.map((policy) => this.book.policy(policyEntry(policy))[0]!.buffer);
    return compileSnapshot({ kind: 'policies', snapshot, accounts, off }, 'marker');
  }

  /** Each is one segment. */
  client(...segments: readonly Buffer[]): void {
    for (const bytes of segments) this.#connection.onData(TO_SERVER, bytes, 0, bytes.length, ++this.#nowUs);
  }

  server(...segments: readonly Buffer[]): void {
    for (const bytes of segments) this.#connection.onData(TO_CLIENT, bytes, 0, bytes.length, ++this.#nowUs);
  }

  /** So many of the client's bytes were never captured. */
  gap(bytes: number): void {
    this.#connection.onGap(TO_SERVER, bytes, ++this.#nowUs);
  }

  close(reason: EndReason = 'fin'): void {
    this.#connection.onEnd(reason, ++this.#nowUs);
  }

  get open(): number {
    return this.#sums().open;
  }

  /** Waits until no request is open. @returns the outcomes, whose sum is what was seen */
  async settled(): Promise<Record<string, number>> {
    const deadline = Date.now() + 5000;
    while (this.open > 0 && Date.now() < deadline) await sleep(5);
    const { open, seen, requests } = this.#sums();
    const counted = requests.reduce((sum, { count }) => sum + count, 0);
    if (open !== 0 || counted !== seen) throw new Error(`${open} open, ${counted} of ${seen} counted`);
    const sums: Record<string, number> = {};
    for (const { outcome, reason, count } of requests) {
      const name = `${outcome} ${reason}`.trim();
      sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.close('closed');
    await Promise.all([this.emitter.close(), this.recorder.close()]);
    if (this.open !== 0) throw new Error(`${this.open} requests were never settled`);
    if (this.budget.used !== 0) throw new Error(`${this.budget.used} bytes are left`);
  }

  #sums() {
    const sums = this.book.sums();
    const counted = sums.requests.reduce((sum, { count }) => sum + count, 0);
    if (sums.seen !== counted + sums.open) throw new Error(`${sums.seen} seen, ${counted} counted, ${sums.open} open`);
    return sums;
  }
}

/** Waits until it is so. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await sleep(5);
  }
}
