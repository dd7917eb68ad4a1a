import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InsightBook } from '../../src/agent/insight-book.ts';
import { Remembered } from '../../src/agent/remembered.ts';
import { WorkerPool } from '../../src/agent/worker-pool.ts';
import { mergeInsight, type InsightData } from '../../src/insight.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { createLogger } from '../../src/log.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { SourceDescriptor } from '../../src/tap/tap.ts';
import { insightOf, totalsOf } from '../support/insight.ts';

const SOURCE: SourceDescriptor = { kind: 'shared', fd: -1, bytes: 65_536, muteFd: -1, wake: new SharedArrayBuffer(4) };

describe('the book of what workers say', () => {
  it('never falls: a worker that dies counts with what it had said, and its successor adds to that', () => {
    const book = new InsightBook();
    const totals = () => totalsOf(mergeInsight(book.parts()));
    book.heard(0, insightOf(5));
    book.heard(1, insightOf(7));
    expect(totals()).toEqual([12, 12, 12]);
    book.heard(0, insightOf(6));
    book.retire(0);
    expect(totals()).toEqual([13, 13, 13]);
    book.heard(0, insightOf(2));
    book.retire(0);
    book.retire(0);
    expect(totals()).toEqual([15, 15, 15]);
  });

  const said = (counts: Readonly<Record<string, number>>): InsightData => {
    const insight = insightOf(1);
    const [load] = insight.observe.endpoints;
    return { ...insight, observe: { ...insight.observe, endpoints: Object.entries(counts).map(([template, requests]) => ({ ...load!, template, requests })) } };
  };
  const requestsIn = (book: InsightBook) => Object.fromEntries(mergeInsight(book.parts()).observe.endpoints.map(({ template, requests }) => [template, requests]));

  it('keeps what one worker has forgotten of an endpoint for as long as another counts it', () => {
    const book = new InsightBook();
    book.heard(0, said({ '/a': 5, '/b': 1 }));
    book.heard(1, said({ '/a': 3 }));
    book.heard(0, said({}));
    expect(requestsIn(book)).toEqual({ '/a': 8 });
    book.heard(0, said({ '/a': 1 }));
    expect(requestsIn(book)).toEqual({ '/a': 9 });
    book.heard(0, said({}));
    book.heard(1, said({}));
    expect(requestsIn(book)).toEqual({});
  });

  it('forgets endpoints of workers that are no more when nobody has heard of them for an hour, or there are too many', () => {
    let nowMs = 0;
    const book = new InsightBook(() => nowMs);
    book.heard(0, said({ '/a': 5, '/b': 1 }));
    book.retire(0);
    nowMs = 3_500_000;
    book.heard(0, said({ '/a': 1 }));
    nowMs = 3_700_000;
    book.heard(0, said({ '/a': 2 }));
    expect(requestsIn(book)).toEqual({ '/a': 7 });
    for (let crash = 0; crash < 5; crash++) {
      book.heard(0, said(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`/${crash}/${index}`, 1]))));
      book.retire(0);
    }
    expect(Object.keys(requestsIn(book))).toHaveLength(1000);
    expect(requestsIn(book)['/4/499']).toBe(1);
  });

  it('tells no rate of a worker that is no more', () => {
    const book = new InsightBook();
    book.heard(0, insightOf(50));
    const rates = () => mergeInsight(book.parts()).observe.endpoints.map(({ rate }) => rate);
    expect(rates()).toEqual([5]);
    book.retire(0);
    expect(rates()).toEqual([0]);
  });
});

describe('an answer that is remembered', () => {
  it('is asked for once while it is young, however many want it', async () => {
    let asked = 0;
    const remembered = new Remembered(async () => ++asked, 50);
    expect(await Promise.all([remembered.get(), remembered.get()])).toEqual([1, 1]);
    expect(await remembered.get()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await remembered.get()).toBe(2);
  });

  it('is asked for again after a failure', async () => {
    let asked = 0;
    const remembered = new Remembered(async () => (++asked === 1 ? Promise.reject(new Error('away')) : asked), 50);
    await expect(remembered.get()).rejects.toThrow('away');
    expect(await remembered.get()).toBe(2);
  });
});

describe('the workers together', () => {
  let pool: WorkerPool;
  beforeEach(async () => {
    const entry = new URL('./telling-worker.ts', import.meta.url);
    const share = new SharedArrayBuffer(8);
    const options = { sources: [SOURCE, SOURCE, SOURCE], memoryBytes: 1 << 20, marker: 'm', share, book: new AccountBook(3), log: createLogger('silent'), entry };
    pool = new WorkerPool(options, buildSnapshot(1, [], []));
    await pool.start();
  });
  afterEach(() => pool.stop(0));

  it('say what they have learnt; one that does not answer counts with what it said last, and is waited for no longer than a second', async () => {
    // The second falls silent after its first answer, the third dies of its second question.
    expect(totalsOf(mergeInsight(await pool.insight()))).toEqual([111, 111, 111]);
    const startedMs = performance.now();
    expect(totalsOf(mergeInsight(await pool.insight()))).toEqual([112, 112, 112]);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await expect.poll(() => [pool.restarts, pool.running]).toEqual([1, 3]);
    // Its successor begins anew, and what it had said stays.
    expect(totalsOf(mergeInsight(await pool.insight()))).toEqual([213, 213, 213]);
  });
});
