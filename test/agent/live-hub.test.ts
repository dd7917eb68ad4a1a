import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminServer } from '../../src/admin/server.ts';
import { LiveHub, liveFilter } from '../../src/agent/live-hub.ts';
import { pageRoutes } from '../../src/agent/page.ts';
import { WorkerPool } from '../../src/agent/worker-pool.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { createLogger } from '../../src/log.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { WatchedExchanges, WatchMessage } from '../../src/worker/messages.ts';
import { exchangeAt, reportAt } from '../page/figures.ts';

let told: WatchMessage[] = [];
let hub: LiveHub;
let server: AdminServer;
let port = 0;
const sockets: Socket[] = [];

beforeEach(async () => {
  told = [];
  hub = new LiveHub({ tell: (message) => told.push(message), report: async () => reportAt(100) });
  server = new AdminServer(pageRoutes(hub, false));
  port = await server.listen('127.0.0.1', 0);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

/** A viewer that reads when it is told to. */
async function viewer(query: string): Promise<{ readonly socket: Socket; text(): string }> {
  const before = hub.message.watchers.length;
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  socket.write(`GET /exchanges?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await expect.poll(() => hub.message.watchers.length).toBe(before + 1);
  await expect.poll(() => text).toContain('text/event-stream');
  return { socket, text: () => text };
}

function batch(size: number) {
  return { matched: size, left: 0, items: Array.from({ length: size }, (_, i) => exchangeAt(i)) };
}

describe('viewers of exchanges', () => {
  it('are told to the workers with what they want to see, and so is that they have left', async () => {
    const one = await viewer('method=GET&onlyDifferent=true&statusClass=5&text=ORDERS&unknown=1');
    await viewer('policy=shop/next');
    expect(hub.message.watchers.map(({ filter }) => filter)).toEqual([
      { policy: '', template: '', method: 'GET', statusClass: 5, onlyDifferent: true, text: 'orders' },
      { policy: 'shop/next', template: '', method: '', statusClass: 0, onlyDifferent: false, text: '' },
    ]);
    one.socket.destroy();
    await expect.poll(() => told.at(-1)!.watchers.length).toBe(1);
  });

  it('are told from noise what differs, as the report has it', async () => {
    await viewer('');
    await expect.poll(() => told.at(-1)!.noise).toContainEqual({
      policy: 'shop/checkout-next',
      target: 'http://checkout-v2.shop.svc:8080',
      method: 'GET',
      template: '/orders/{id}',
      places: ['field body /requestId'],
    });
  });

  it('get what is for them, and nothing of what is for others', async () => {
    const one = await viewer('text=a');
    const other = await viewer('text=b');
    const [first, second] = hub.message.watchers.map(({ id }) => id);
    hub.pass([{ id: first!, batch: batch(1) }, { id: 99, batch: batch(1) }, { id: second!, batch: batch(0) }]);
    await expect.poll(one.text).toContain('event: batch\ndata: {"matched":1,"left":0,"items":[{');
    await expect.poll(other.text).toContain('event: batch\ndata: {"matched":0,"left":0,"items":[]}\n\n');
    expect(other.text()).not.toContain('"items":[{');
  });

  it('that read slowly miss some and are told how many, and hold up nobody', async () => {
    const slow = await viewer('');
    const quick = await viewer('');
    const [slowId, quickId] = hub.message.watchers.map(({ id }) => id);
    slow.socket.pause();
    const large = batch(100);
    for (let i = 0; i < 400; i++) {
      hub.pass([{ id: slowId!, batch: large }, { id: quickId!, batch: batch(0) }]);
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect.poll(() => quick.text().split('event: batch').length - 1).toBe(400);
    slow.socket.resume();
    await expect
      .poll(() => {
        hub.pass([{ id: slowId!, batch: batch(0) }]);
        return slow.text();
      })
      .toMatch(/event: missed\ndata: \d+/);
    const batches = slow.text().split('event: batch').length - 1;
    expect(batches).toBeLessThan(400);
  });
});

describe('workers', () => {
  it('look out for those who watch, and so do those that take the place of others', async () => {
    const heard: number[][] = [];
    const source = { kind: 'shared' as const, fd: -1, bytes: 65_536, muteFd: -1, wake: new SharedArrayBuffer(4) };
    const live = { showBodies: false, onExchanges: (batches: readonly WatchedExchanges[]) => void heard.push(batches.map(({ id }) => id)) };
    const options = { sources: [source], memoryBytes: 1 << 20, marker: 'm', share: new SharedArrayBuffer(8), book: new AccountBook(1), log: createLogger('silent'), live };
    const pool = new WorkerPool({ ...options, entry: new URL('./watching-worker.ts', import.meta.url) }, buildSnapshot(1, [], []));
    await pool.start();
    try {
      const filter = liveFilter(new URLSearchParams());
      pool.watch({ kind: 'watch', watchers: [{ id: 7, filter }], noise: [] });
      await expect.poll(() => heard).toEqual([[7]]);
      await expect(pool.plan()).rejects.toMatchObject({ code: 'WORKER' });
      await expect.poll(() => [pool.restarts, pool.running]).toEqual([1, 1]);
      await expect.poll(() => heard).toEqual([[7], [7]]);
    } finally {
      await pool.stop(0);
    }
  });
});

describe('the filter of a viewer', () => {
  it.each(['statusClass=9', 'statusClass=x', 'statusClass=-1', 'statusClass=1.5', 'onlyDifferent=1', ''])('asks for all where it makes no sense: %s', (query) => {
    expect(liveFilter(new URLSearchParams(query))).toEqual({ policy: '', template: '', method: '', statusClass: 0, onlyDifferent: false, text: '' });
  });

  it('is short', () => {
    expect(liveFilter(new URLSearchParams({ text: 'x'.repeat(10_000) })).text).toHaveLength(256);
  });
});
