import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { DigestBody, KeepBody } from '../../src/http/body.ts';

describe('a kept body', () => {
  it('is a copy of what was written', () => {
    const budget = new ByteBudget(1 << 20);
    const body = new KeepBody(100_000, budget);
    const source = Buffer.from('abcdef');
    body.write(source, 1, 3);
    body.write(source, 3, 6);
    source.fill(0);
    expect(body.bytes().toString()).toBe('bcdef');
    expect(body.state).toBe('kept');
    body.release();
    body.release();
    expect(budget.used).toBe(0);
  });

  it('takes room for what has come, not for what may come', () => {
    const budget = new ByteBudget(1 << 30);
    const body = new KeepBody(1 << 29, budget);
    body.write(Buffer.alloc(1000), 0, 1000);
    expect(budget.used).toBeLessThan(10_000);
    for (let i = 0; i < 100; i++) body.write(Buffer.alloc(1000, i), 0, 1000);
    expect(body.bytes().length).toBe(101_000);
    expect(budget.used).toBeLessThan(210_000);
  });

  it('keeps nothing of a body that is too large, and gives its room back', () => {
    const budget = new ByteBudget(1 << 20);
    const body = new KeepBody(10, budget);
    body.write(Buffer.from('0123456789'), 0, 10);
    expect(body.state).toBe('kept');
    body.write(Buffer.from('x'), 0, 1);
    body.write(Buffer.from('x'), 0, 1);
    expect([body.state, body.bytes().length, budget.used]).toEqual(['too-large', 0, 0]);
  });

  it('does without where the budget is spent', () => {
    const budget = new ByteBudget(6000);
    const [first, second] = [new KeepBody(1 << 20, budget), new KeepBody(1 << 20, budget)];
    first.write(Buffer.alloc(10), 0, 10);
    second.write(Buffer.alloc(10), 0, 10);
    expect([first.state, second.state, budget.refused]).toEqual(['kept', 'no-memory', 1]);
    first.release();
    expect(budget.used).toBe(0);
  });
});

describe('a digested body', () => {
  it('gives the SHA-256 of what was written', () => {
    const body = new DigestBody();
    body.write(Buffer.from('xhello'), 1, 6);
    body.write(Buffer.from(' world!'), 0, 6);
    expect(body.digest()).toBe(createHash('sha256').update('hello world').digest('hex'));
  });
});
