import { describe, expect, it } from 'vitest';
import { Distinct } from '../../src/sketch/distinct.ts';

describe('the number of different texts', () => {
  it.each([
    [0, 10],
    [1, 10],
    [50, 10],
    [1_000, 10],
    [30_000, 10],
    [300_000, 10],
    [1_000, 8],
    [100_000, 12],
  ])('of %i, with a precision of %i, is within four standard errors', (count, precision) => {
    const distinct = new Distinct(precision);
    for (let i = 0; i < count; i++) distinct.add(`/orders/${i}`);
    const error = (4 * 1.04) / 2 ** (precision / 2);
    expect(Math.abs(distinct.estimate() - count)).toBeLessThanOrEqual(count * error);
  });

  it('does not rise with repetitions', () => {
    const distinct = new Distinct();
    for (let i = 0; i < 100_000; i++) distinct.add(`/orders/${i % 20}`);
    expect(Math.round(distinct.estimate())).toBeLessThanOrEqual(21);
    expect(Math.round(distinct.estimate())).toBeGreaterThanOrEqual(19);
  });

  it('tells long texts apart by beginning, end and length', () => {
    const distinct = new Distinct();
    const long = 'x'.repeat(60_000);
    for (let i = 0; i < 30; i++) {
      distinct.add(`/${i}${long}`);
      distinct.add(`${long}/${i}`);
      distinct.add(long + 'x'.repeat(i));
    }
    expect(distinct.estimate()).toBeGreaterThan(80);
    expect(distinct.estimate()).toBeLessThan(100);
  });

  it('is none again once it was cleared', () => {
    const distinct = new Distinct(8);
    distinct.add('a');
    distinct.clear();
    expect(distinct.estimate()).toBe(0);
  });
});
