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
      const main = new CounterBoard({ flow: group() });
      const counters = group();
      const worker = new CounterBoard({ flow: counters }, main.buffer);
      counters.a = factor;
      counters.ended.rst = 2 * factor;
      worker.publish();
      main.addTo(sums);
    }
    expect(sums).toEqual({ 'flow.a': 11, 'flow.ended.fin': 0, 'flow.ended.rst': 22 });
  });
});
