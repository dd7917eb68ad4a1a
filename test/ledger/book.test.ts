import { describe, expect, it } from 'vitest';
import { AccountBook } from '../../src/ledger/book.ts';
import { CounterBoard } from '../../src/ledger/counter-board.ts';
import { PolicyAccount, WorkerAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS, outcomeSlot } from '../../src/ledger/outcomes.ts';

const ENTRY = { policy: 'shop/a', targets: ['http://m1', 'http://m2'] };
const OK = outcomeSlot('mirrored', '2xx');
const GAP = outcomeSlot('incomplete', 'gap');

describe('the account book', () => {
  it('sums what workers write into shared memory: seen is settled plus open', () => {
    const book = new AccountBook(2);
    for (const [worker, { buffer }] of book.workers.entries()) {
      // As in the worker: the same memory through objects of its own.
      const account = new WorkerAccount(buffer);
      const policy = new PolicyAccount(book.policy(ENTRY)[worker]!.buffer);
      for (let i = 0; i < 3; i++) account.open();
      policy.requests[OK]! += 1;
      policy.copies[1]![OK]! += 1;
      account.unattributed[GAP]! += 1;
    }
    expect(book.sums()).toEqual({
      seen: 6,
      open: 2,
      requests: [
        { policy: '', outcome: 'incomplete', reason: 'gap', count: 2 },
        { policy: 'shop/a', outcome: 'mirrored', reason: '2xx', count: 2 },
      ],
      copies: [{ policy: 'shop/a', target: 'http://m2', outcome: 'mirrored', reason: '2xx', count: 2 }],
    });
  });

  it('keeps the rows of a policy over snapshots, and gives another one to other targets', () => {
    const book = new AccountBook(1);
    expect(book.policy({ ...ENTRY })[0]).toBe(book.policy(ENTRY)[0]);
    expect(book.policy({ ...ENTRY, targets: ['http://m3'] })[0]).not.toBe(book.policy(ENTRY)[0]);
  });

  it('settles what a dead worker had in hand, once, and leaves the others alone', () => {
    const book = new AccountBook(2);
    book.workers[0]!.open();
    book.workers[0]!.open();
    book.workers[1]!.open();
    book.policy(ENTRY)[0]!.requests[OK]! += 1;
    expect(book.settleCrash(0)).toBe(1);
    expect(book.settleCrash(0)).toBe(0);
    const { open, requests } = book.sums();
    expect(open).toBe(1);
    expect(requests).toContainEqual({ policy: '', outcome: 'incomplete', reason: 'crash', count: 1 });
  });
});

describe('the rows of a policy that is gone', () => {
  it('keep their name while requests may be under way, and are added up afterwards: the sums stay', () => {
    const book = new AccountBook(1);
    for (let i = 0; i < 3; i++) book.workers[0]!.open();
    const late = book.policy(ENTRY)[0]!.requests;
    late[OK]! += 1;
    book.keep([], 0);
    late[OK]! += 1;
    expect(book.sums().requests).toEqual([{ policy: 'shop/a', outcome: 'mirrored', reason: '2xx', count: 2 }]);
    book.keep([], 7_200_001);
    expect(book.sums()).toEqual({
      seen: 3,
      open: 1,
      requests: [{ policy: '(removed)', outcome: 'mirrored', reason: '2xx', count: 2 }],
      copies: [],
    });
    expect(book.settleCrash(0)).toBe(1);
  });

  it('are kept of so many only, however fast names come and go, and no request that was settled is lost', () => {
    const book = new AccountBook(1);
    for (let i = 0; i < 3_000; i++) {
      const entry = { policy: `shop/label:${i}`, targets: ['http://m1'] };
      book.policy(entry)[0]!.requests[OK]! += 1;
      book.keep([entry], i);
    }
    const { requests } = book.sums();
    expect(requests).toHaveLength(1 + 1_000 + 1);
    expect(requests.slice(0, 2).map(({ policy, count }) => [policy, count])).toEqual([['(removed)', 1_999], ['shop/label:1999', 1]]);
    expect(book.shares().map(({ policy }) => policy)).toEqual(['shop/label:2999']);
  });

  it('are its own again when it comes back in time', () => {
    const book = new AccountBook(1);
    const rows = book.policy(ENTRY)[0];
    book.keep([], 0);
    book.keep([ENTRY], 1000);
    book.keep([ENTRY], 9_000_000);
    expect(book.policy(ENTRY)[0]).toBe(rows);
  });
});

describe('outcomes', () => {
  it('have one slot for each pair', () => {
    expect(new Set(OUTCOME_SLOTS.map(({ outcome, reason }) => `${outcome}:${reason}`)).size).toBe(OUTCOME_SLOTS.length);
    for (const [slot, { outcome, reason }] of OUTCOME_SLOTS.entries()) {
      expect(outcomeSlot(outcome, reason as never)).toBe(slot);
    }
  });

  it('refuse a reason that belongs to another outcome', () => {
    expect(() => outcomeSlot('mirrored', 'gap' as never)).toThrow('no such outcome');
  });
});

describe('the counter board', () => {
  it('carries nested counters to the other thread by name, and adds up workers', () => {
    const group = () => ({ a: 0, ended: { fin: 0, rst: 0 } });
    const sums: Record<string, number> = {};
    for (const factor of [1, 10]) {
      const main = new CounterBoard({ flow: group() }, []);
      const counters = group();
      const worker = new CounterBoard({ flow: counters }, [], main.buffer);
      counters.a = factor;
      counters.ended.rst = 2 * factor;
      worker.publish();
      main.addTo(sums);
    }
    expect(sums).toEqual({ 'flow.a': 11, 'flow.ended.fin': 0, 'flow.ended.rst': 22 });
  });

  it('keeps the sums of a worker that died, but not its gauges', () => {
    const main = new CounterBoard({ flow: { gaps: 0, flows: 0 } }, ['flow.flows']);
    for (const [gaps, flows] of [[5, 9], [2, 1]] as const) {
      main.retire();
      new CounterBoard({ flow: { gaps, flows } }, [], main.buffer).publish();
    }
    const sums: Record<string, number> = {};
    main.addTo(sums);
    expect(sums).toEqual({ 'flow.gaps': 7, 'flow.flows': 1 });
  });
});
