import { describe, expect, it } from 'vitest';
import { shopReport, type Traffic } from './shop.ts';

/** What the report names as different: endpoint and place. */
function named(traffic: Traffic): string[] {
  return shopReport(traffic)[0]!.endpoints.flatMap(({ method, template, fields }) => fields.map(({ where, kind }) => `${method} ${template}: ${kind} ${where}`));
}

const SEEDS = [1, 2, 3, 4, 5];

describe.each([false, true])('a shop whose answers differ by nature (with a baseline: %s)', (baseline) => {
  it('looks safe where nothing is wrong, whatever ids, times, orders and stocks do', () => {
    for (const seed of SEEDS) {
      const [report] = shopReport({ seed, exchanges: 1_500, baseline });
      expect(report!.reasons[0]).toMatch(/^0 of 1,500 answers differ: below 0\.2 % with 95 % confidence\. \d,?\d+ differ by noise alone\.$/);
      expect(report!.verdict).toBe('looks safe');
    }
  });

  it('differs exactly where something is wrong, at one in ten, a hundred and a thousand answers', () => {
    for (const [wrongTotal, exchanges] of [[0.1, 1_000], [0.01, 3_000], [0.001, 20_000]] as const) {
      expect(named({ seed: 6, exchanges, baseline, defects: { wrongTotal } })).toEqual(['GET /orders/{id}: field body /total']);
    }
  });

  it('counts as different what is wrong, and the rest as noise', () => {
    const [report] = shopReport({ seed: 8, exchanges: 4_000, baseline, defects: { wrongTotal: 0.05 } });
    const orders = report!.endpoints.find(({ template }) => template === '/orders/{id}')!;
    expect(orders.counts.differentShare).toBeGreaterThan(0.035);
    expect(orders.counts.differentShare).toBeLessThan(0.065);
    expect(orders.counts.different).toBe(orders.fields[0]!.count);
    expect(orders.counts.noise).toBe(orders.counts.compared - orders.counts.different);
  });

  it('does not take a defect for what others write, where the mirror differs far more than that', () => {
    const [report] = shopReport({ seed: 10, exchanges: 4_000, baseline, defects: { emptyStock: 0.2 } });
    expect(report!.verdict).toBe(baseline ? 'differs' : 'too little data');
    expect(report!.endpoints.flatMap(({ template, fields }) => fields.map(({ where, undecided }) => [template, where, undecided]))).toEqual([
      ['/stock/{id}', 'body /left', !baseline],
    ]);
  });

  it('names each of several defects', () => {
    expect(named({ seed: 9, exchanges: 4_000, baseline, defects: { wrongTotal: 0.02, failing: 0.05 } }).sort()).toEqual([
      'GET /orders/{id}: field body /total',
      'POST /orders: status status',
    ]);
  });
});

describe('without learning', () => {
  it('noise drowns what is wrong', () => {
    const places = named({ seed: 1, exchanges: 1_000, learnNoise: false, defects: { wrongTotal: 0.1 } });
    expect(places.length).toBeGreaterThan(8);
    expect(places).toContain('GET /orders/{id}: field body /total');
  });
});

describe('before much is learnt', () => {
  it('nothing is said to differ that may be noise', () => {
    for (const seed of SEEDS) {
      for (const exchanges of [20, 60, 150, 300]) expect([exchanges, shopReport({ seed, exchanges })[0]!.verdict]).not.toEqual([exchanges, 'differs']);
    }
  });
});
