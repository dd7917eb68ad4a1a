import { mkdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { Exchange, HttpRequest, HttpResponse } from '../../src/http/exchange.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { FILE_FORMATS } from '../../src/record/file-format.ts';
import { RecordQueue, type RecordQueueOptions } from '../../src/record/record-queue.ts';
import { NO_CONTENT } from '../../src/record/record.ts';
import { RotatingFiles } from '../../src/record/rotating-files.ts';
import { Folder } from './support.ts';

type Bounds = RecordQueueOptions['limits'] & Pick<RecordQueueOptions, 'maxBodyBytes'>;

const FLOW = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };
const LIMITS: Bounds = { maxQueued: 1000, maxBytes: 1 << 20, maxBodyBytes: 1 << 20, rate: null };

function exchange(path: string): Exchange {
  const each = new Exchange(FLOW, 0);
  each.request = Object.assign(new HttpRequest(), { method: 'GET', target: path, version: 'HTTP/1.1', headers: ['Host', 'h'], complete: true });
  each.response = Object.assign(new HttpResponse(), { status: 200, reason: 'OK', version: 'HTTP/1.1', headers: [], complete: true });
  return each;
}

class Rig extends Folder {
  readonly row = new Float64Array(OUTCOME_SLOTS.length);
  readonly problems: unknown[] = [];
  readonly budget: ByteBudget;
  readonly queue: RecordQueue;
  offered = 0;
  ended = 0;

  constructor(limits: Partial<Bounds> = {}, budget = 1 << 20, path = 'x.ndjson') {
    super();
    this.budget = new ByteBudget(budget);
    const bounds = { path: this.file(path), maxBytes: 65_536, maxFiles: 100, maxTotalBytes: 1 << 20, rotateMs: 3_600_000 };
    const files = new RotatingFiles(FILE_FORMATS.ndjson, bounds, { index: 0, count: 1 }, { recordedBytes: 0, recordFilesDeleted: 0 });
    const all = { ...LIMITS, ...limits };
    this.queue = new RecordQueue({
      policy: 'default/p', clock: (us) => us / 1000, redactor: null, format: FILE_FORMATS.ndjson, files,
      limits: all, maxBodyBytes: all.maxBodyBytes, budget: this.budget, row: this.row, onProblem: (cause) => this.problems.push(cause),
    });
  }

  offer(body: Buffer | null = null, response: Buffer | null = null): void {
    this.offered += 1;
    const content = (bytes: Buffer | null) => (bytes === null ? NO_CONTENT : { body: bytes, missing: null });
    this.queue.offer(exchange(`/${this.offered}`), { request: content(body), response: content(response) }, performance.now(), {
      keeper: null,
      onCopyEnd: () => void (this.ended += 1),
    });
  }

  async idle(): Promise<Record<string, number>> {
    const deadline = performance.now() + 3000;
    while (this.queue.pending > 0 && performance.now() < deadline) await sleep(1);
    return this.sums();
  }

  /** Each offer ends once, and gives back what it took. */
  sums(): Record<string, number> {
    if (this.queue.pending === 0) expect([this.ended, this.budget.used, this.queue.bytes]).toEqual([this.offered, 0, 0]);
    const entries = OUTCOME_SLOTS.map(({ outcome, reason }, slot) => [reason === '' ? outcome : `${outcome} ${reason}`, this.row[slot]!] as const);
    return Object.fromEntries(entries.filter(([, count]) => count > 0));
  }

  targets(): string[] {
    const lines = this.names().flatMap((name) => this.text(name).split('\n')).filter((text) => text !== '');
    return lines.map((text) => (JSON.parse(text) as { request: { target: string } }).request.target);
  }
}

describe('a queue of records', () => {
  it('writes what it accepts, in order', async () => {
    using rig = new Rig();
    for (let i = 0; i < 600; i++) rig.offer();
    expect(await rig.idle()).toEqual({ recorded: 600 });
    for (let i = 0; i < 3; i++) rig.offer();
    expect(await rig.idle()).toEqual({ recorded: 603 });
    expect(rig.targets()).toEqual(Array.from({ length: 603 }, (_, i) => `/${i + 1}`));
  });

  it('never waits: what comes in one turn is accepted or shed before anything is written', async () => {
    using rig = new Rig({ maxQueued: 10 });
    for (let i = 0; i < 50; i++) rig.offer();
    expect(rig.sums()).toEqual({ 'shed queue': 40 });
    expect(rig.queue.pending).toBe(10);
    expect(await rig.idle()).toEqual({ recorded: 10, 'shed queue': 40 });
  });

  it('takes a record at a time where nothing may wait', async () => {
    using rig = new Rig({ maxQueued: 0 });
    rig.offer();
    rig.offer();
    expect(await rig.idle()).toEqual({ recorded: 1, 'shed queue': 1 });
  });

  it('sheds beyond its rate', async () => {
    using rig = new Rig({ rate: { perSecond: 0.1, burst: 4 } });
    for (let i = 0; i < 10; i++) rig.offer();
    expect(await rig.idle()).toEqual({ recorded: 4, 'shed rate': 6 });
  });

  it('sheds beyond its bytes and beyond the memory', async () => {
    using bytes = new Rig({ maxBytes: 50_000 });
    for (let i = 0; i < 3; i++) bytes.offer(Buffer.alloc(15_000));
    expect(await bytes.idle()).toEqual({ recorded: 2, 'shed bytes': 1 });
    using memory = new Rig({}, 50_000);
    for (let i = 0; i < 3; i++) memory.offer(Buffer.alloc(15_000));
    expect(await memory.idle()).toEqual({ recorded: 2, 'shed memory': 1 });
  });

  it('refuses what does not fit into a file or is above its policy, and leaves out larger responses', async () => {
    using rig = new Rig({ maxBodyBytes: 60_000 });
    rig.offer(Buffer.alloc(60_001));
    rig.offer(Buffer.alloc(55_000));
    rig.offer(Buffer.alloc(3), Buffer.alloc(60_001));
    expect(await rig.idle()).toEqual({ 'too-large': 2, recorded: 1 });
    expect(rig.text(rig.names()[0]!)).toContain('"body":null,"missing":"too-large"');
  });

  it('fails by itself where the files cannot be written, tells once, rests, and goes on when they can', async () => {
    using rig = new Rig({}, 1 << 20, 'folder/x.ndjson');
    rig.write('folder', 'in the way');
    for (let i = 0; i < 30; i++) {
      rig.offer();
      await rig.idle();
    }
    expect(rig.sums()).toEqual({ 'failed write': 20, 'shed breaker': 10 });
    expect(rig.queue.breakerOpen).toBe(true);
    expect(rig.problems).toHaveLength(1);
    rmSync(rig.file('folder'));
    mkdirSync(rig.file('folder'));
    await sleep(600);
    rig.offer();
    await rig.idle();
    rig.offer();
    expect(await rig.idle()).toEqual({ 'failed write': 20, 'shed breaker': 10, recorded: 2 });
    expect(rig.queue.breakerOpen).toBe(false);
  });

  it('tells at most once a minute where files can be written by turns', async () => {
    using rig = new Rig({}, 1 << 20, 'folder/x.ndjson');
    const folder = rig.file('folder');
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const failAgain = async () => {
      mkdirSync(folder);
      // Of this size each begins a file.
      rig.offer(Buffer.alloc(40_000));
      await rig.idle();
      rmSync(folder, { recursive: true });
      rig.write('folder', 'in the way');
      rig.offer(Buffer.alloc(40_000));
      await rig.idle();
      rmSync(folder);
    };
    for (let i = 0; i < 3; i++) await failAgain();
    expect(rig.sums()).toEqual({ recorded: 3, 'failed write': 3 });
    expect(rig.problems).toHaveLength(1);
    // What began within that minute and goes on is told of when it is over, and once.
    rig.write('folder', 'in the way');
    vi.advanceTimersByTime(59_999);
    rig.offer();
    await rig.idle();
    expect(rig.problems).toHaveLength(1);
    vi.advanceTimersByTime(1);
    for (let i = 0; i < 3; i++) {
      rig.offer();
      await rig.idle();
      expect(rig.problems).toHaveLength(2);
      vi.advanceTimersByTime(60_000);
    }
    expect(rig.sums()).toEqual({ recorded: 3, 'failed write': 7 });
  });

  it('ends what waits when it is closed, and accepts nothing after', async () => {
    using rig = new Rig();
    for (let i = 0; i < 5; i++) rig.offer();
    const closed = rig.queue.close();
    rig.offer();
    await closed;
    expect(await rig.idle()).toEqual({ 'incomplete shutdown': 6 });
  });

  it('writes what it had accepted when its target goes', async () => {
    using rig = new Rig();
    for (let i = 0; i < 5; i++) rig.offer();
    rig.queue.drain();
    rig.offer();
    expect(await rig.idle()).toEqual({ recorded: 5, 'incomplete shutdown': 1 });
    await rig.queue.close();
  });
});
