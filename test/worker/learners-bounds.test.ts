import { describe, expect, it } from 'vitest';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { Insight } from '../../src/worker/insight.ts';
import { Learners } from '../../src/worker/learners.ts';
import { contentBudget } from '../../src/worker/line.ts';
import { monotonicUs } from '../../src/worker/wall-clock.ts';
import { cpuMsOf } from '../support/cpu.ts';
import { memoryAfterCollection } from '../support/heap.ts';

const DROPS: ExchangeHandler = {
  onRequestHead: ({ request }) => request!.dropHead(),
  onRequest() {},
  onRequestLost() {},
  onResponseHead: ({ response }) => response!.dropHead(),
  onResponse() {},
  onExchangeEnd() {},
};
const PODS = 40;
const DENIED = Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');

/** Everything that a worker learns with, behind the real decoder. */
class Scene {
  readonly learners = new Learners({ budget: contentBudget(64 << 20), toWallMs: (us) => us / 1000, learnSeconds: 10, workers: 1 });
  readonly #handler: ExchangeHandler;
  #connections = 0;
  #nowUs = monotonicUs();

  constructor() {
    const { value } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name: 'p' }, spec: { selector: {}, observe: true } });
    const pods = Array.from({ length: PODS }, (_, index) => ({ id: index + 1, name: `shop/web-${index}`, labels: {}, ports: [8080] }));
    const snapshot = buildSnapshot(1, [value!], pods);
    this.learners.configure(snapshot);
    const insight = new Insight(DROPS, this.learners.sight, this.learners.onlookers);
    insight.configure(snapshot);
    this.#handler = insight;
  }

  exchange(index: number, head: string): void {
    const clientAddress = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
    const info = { id: ++this.#connections, endpoint: (index % PODS) + 1, clientAddress, clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };
    const connection = new HttpConnection(info, { mute() {} }, this.#handler, defaultHttpOptions(), newHttpCounters());
    this.#nowUs += 50;
    const request = Buffer.from(head, 'latin1');
    connection.onData(TO_SERVER, request, 0, request.length, this.#nowUs);
    this.#nowUs += 500;
    connection.onData(TO_CLIENT, DENIED, 0, DENIED.length, this.#nowUs);
    connection.onEnd('fin', this.#nowUs);
  }
}

const SYLLABLES = ['ba', 'de', 'fi', 'go', 'lu', 'ma', 'ne', 'pi', 'ro', 'su', 'ta', 've', 'wi', 'co', 'da', 'ke'];

/** Nothing of a request was ever there before: path, query, client, method, Host, credentials. */
function hostile(index: number): string {
  const word = (seed: number): string => ((seed * 2_654_435_761) >>> 0).toString(16).replace(/./g, (digit) => SYLLABLES[parseInt(digit, 16)]!);
  // Some of few words, so that all tables fill.
  const path = Array.from({ length: index % 7 }, (_, depth) => word(index % 2 === 0 ? (index >> depth) % 40 : index * 8 + depth)).join('/');
  const padding = index % 500 === 0 ? `X-Padding: ${'p'.repeat(30_000)}\r\n` : '';
  const method = index % 3 === 0 ? 'GET' : index % 3 === 1 ? 'POST' : `M${word(index).toUpperCase()}`;
  return `${method} /${path}?q=${index}%27%20or%201=1 HTTP/1.1\r\nHost: h${index}.test\r\nAuthorization: Bearer ${word(index)}\r\nUser-Agent: sqlmap/${index}\r\n${padding}Content-Length: 0\r\n\r\n`;
}

describe('what a worker learns of requests that are all different', () => {
  it('takes no more memory than docs/observe.md and docs/findings.md say, and some microseconds each', { timeout: 60_000 }, () => {
    const requests = 60_000;
    const scene = new Scene();
    const before = memoryAfterCollection();
    const tookMs = cpuMsOf(() => {
      for (let i = 0; i < requests; i++) scene.exchange(i, hostile(i));
    });
    const { observe, findings } = scene.learners.data();
    const retained = memoryAfterCollection() - before;
    expect(observe.endpoints.length).toBeLessThanOrEqual(1_000 + PODS);
    expect(observe.clients.length).toBeLessThanOrEqual(20 * PODS);
    expect(observe.endpoints.reduce((sum, load) => sum + load.requests, 0)).toBe(requests);
    expect(findings.findings.length).toBeLessThanOrEqual(512);
    expect(retained).toBeLessThan(24 << 20);
    // Decoding included; 30 where nothing else runs.
    expect((tookMs * 1000) / requests).toBeLessThan(200);
  });
});
