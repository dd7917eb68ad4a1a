import { describe, it } from 'vitest';
import { betaBelow, betaQuantile, normalQuantile, normalTail } from '../../src/compare/statistics/distributions.ts';
import { expectClose } from './close.ts';
import oracle from './fixtures/statistics.json' with { type: 'json' };

describe('the normal distribution', () => {
  it.each(oracle.normal)('has the tail above $z that SciPy says', ({ z, above }) => {
    expectClose(normalTail(z) / above, 1);
  });

  it.each(oracle.normalQuantiles)('has the quantile $p that SciPy says', ({ p, z }) => {
    expectClose(normalQuantile(p), z);
  });
});

describe('the beta distribution', () => {
  it.each(oracle.beta)('has the share below $x that SciPy says, with $a and $b', ({ x, a, b, below }) => {
    expectClose(betaBelow(x, a, b), below);
  });

  it('finds back by its quantile what a share is below', () => {
    for (const [a, b] of [[1, 1], [2, 30], [400, 3], [40, 2_000_000]] as const) {
      for (const p of [0.0005, 0.025, 0.5, 0.975]) expectClose(betaBelow(betaQuantile(p, a, b), a, b), p);
    }
  });
});
