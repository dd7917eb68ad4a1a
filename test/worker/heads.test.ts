import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Emitter } from '../../src/mirror/emitter.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { Recorder } from '../../src/record/recorder.ts';
import { TO_CLIENT, TO_SERVER, type Direction } from '../../src/tap/segment.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry } from '../../src/worker/targets.ts';
import { WorkerCounters } from '../../src/worker/worker-counters.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MIB = 1 << 20;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-heads-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function recordEverything(): MirrorPolicy {
  const { value } = validatePolicy({
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name: 'p' },
    spec: { selector: {}, targets: [{ file: { path: join(folder, 'r.ndjson') } }] },
  });
  return value!;
}

/** Connections whose exchanges go through a pipeline with one budget. */
class Line {
  readonly book = new AccountBook(1);
  readonly budget: ByteBudget;
  readonly connections: HttpConnection[];
  readonly #recorder: Recorder;
  #timeUs = 0;

  constructor(policies: readonly MirrorPolicy[], memoryBytes: number, connections: number) {
    const budget = (this.budget = new ByteBudget(memoryBytes));
    const snapshot = buildSnapshot(1, policies, [{ id: 1, name: 'e', labels: {}, ports: [] }]);
    const accounts = policies.map((each) => this.book.policy(policyEntry(each))[0]!.buffer);
    const compiled = compileSnapshot({ kind: 'policies', snapshot, accounts, off: false }, 'm');
    const problems = (message: string): never => {
      throw new Error(message);
    };
    const options = { clock: (us: number) => us, share: { index: 0, count: 1 }, budget, counters: new WorkerCounters(), onProblem: problems };
    this.#recorder = new Recorder(options);
    const pipeline = new Pipeline(this.book.workers[0]!, new Emitter(budget), budget, compiled, 'm', { recorder: this.#recorder });
    this.connections = Array.from({ length: connections }, (_, id) => {
      const info = { id, endpoint: 1, clientAddress: '10.0.0.1', clientPort: id, serverAddress: '10.0.0.2', serverPort: 80 };
      return new HttpConnection(info, { mute() {} }, pipeline, { ...defaultHttpOptions(), budget }, newHttpCounters());
    });
  }

  send(connection: HttpConnection, direction: Direction, text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    connection.onData(direction, bytes, 0, bytes.length, ++this.#timeUs);
  }

  /** Each connection sends this many requests and gets no answer. @returns how much the heap grew, bytes */
  ask(requests: number, fields: string): number {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < requests; i++) {
      for (const connection of this.connections) this.send(connection, TO_SERVER, `GET /${i} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    }
    collect();
    return process.memoryUsage().heapUsed - before;
  }

  async end(): Promise<Record<string, number>> {
    for (const connection of this.connections) connection.onEnd('fin', ++this.#timeUs);
    while (this.#recorder.pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#recorder.close();
    expect(this.budget.used).toBe(0);
    const { open, requests } = this.book.sums();
    expect(open).toBe(0);
    return Object.fromEntries(requests.map(({ outcome, reason, count }) => [`${outcome}:${reason}`, count]));
  }
}

describe('heads of requests that no answer comes to', () => {
  it('take no memory where nobody wants them', async () => {
    const line = new Line([], 64 * MIB, 20);
    expect(line.ask(200, `${'X-Long'.repeat(1000)}: ${'v'.repeat(9000)}\r\n`)).toBeLessThan(6 * MIB);
    expect(await line.end()).toEqual({ 'unmatched:': 4000 });
  });

  it.each([
    ['few long fields', `X: ${'v'.repeat(15_000)}\r\n`],
    ['many short fields', 'a: b\r\n'.repeat(1000)],
  ])('stay within the budget where they are to be recorded: %s', async (_, fields) => {
    const line = new Line([recordEverything()], 16 * MIB, 20);
    expect(line.ask(200, fields)).toBeLessThan(20 * MIB);
    expect(line.budget.used).toBeLessThanOrEqual(line.budget.limit);
    const outcomes = await line.end();
    expect(outcomes['recorded:']).toBeGreaterThan(0);
    expect(outcomes['shed:memory']).toBeGreaterThan(0);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(4000);
  });

  it('make room for others: the oldest exchange of a connection is given up first', async () => {
    const line = new Line([], 16 * 512, 1);
    line.ask(100, '');
    expect(line.budget.used).toBe(line.budget.limit);
    for (let i = 0; i < 100; i++) line.send(line.connections[0]!, TO_CLIENT, 'HTTP/1.1 204 No Content\r\n\r\n');
    expect(line.budget.used).toBe(0);
    expect(await line.end()).toEqual({ 'unmatched:': 100 });
  });

  it('are recorded with their answers, however early these come', async () => {
    const line = new Line([recordEverything()], MIB, 1);
    const [connection] = line.connections;
    line.send(connection!, TO_SERVER, 'GET /early HTTP/1.1\r\n');
    line.send(connection!, TO_CLIENT, 'HTTP/1.1 400 No\r\nX: y\r\nContent-Length: 0\r\n\r\n');
    line.send(connection!, TO_SERVER, '\r\n');
    line.send(connection!, TO_SERVER, 'POST /half HTTP/1.1\r\nContent-Length: 2\r\n\r\na');
    line.send(connection!, TO_CLIENT, 'HTTP/1.1 413 No\r\nX: y\r\nContent-Length: 0\r\n\r\n');
    line.send(connection!, TO_SERVER, 'b');
    expect(await line.end()).toEqual({ 'recorded:': 2 });
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'));
    expect(lines.map((text) => JSON.parse(text).response)).toMatchObject([
      { status: 400, headers: [['X', 'y'], ['Content-Length', '0']] },
      { status: 413, headers: [['X', 'y'], ['Content-Length', '0']] },
    ]);
  });
});
