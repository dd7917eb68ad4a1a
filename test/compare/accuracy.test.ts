import { describe, expect, it } from 'vitest';
import { runTrial, type Score } from '../bench/compare-accuracy/comparison-trial.ts';
import { DEFECTS } from '../bench/compare-accuracy/defects.ts';
import { REGIMES, simulate } from '../bench/compare-accuracy/latency-trial.ts';
import { precisionOf, recallOf, summarise, type Summary } from '../bench/compare-accuracy/tables.ts';

/** A minute of the shop, over HTTP. docs/compare-accuracy.md has the long version. */
const VOLUME = 3_000;
/** A few seconds, unless the machine has much else to do. */
const PATIENCE_MS = 60_000;

function of(scores: readonly Score[], setting: string): Summary {
  const summary = summarise(scores).find((candidate) => candidate.setting === setting);
  if (summary === undefined) throw new Error(`there is no setting ${setting}`);
  return summary;
}

describe('the comparison of two versions of a shop', () => {
  it('finds every defect that shows in one of a hundred answers, and nothing else', { timeout: PATIENCE_MS }, async () => {
    const scores = await runTrial({ seed: 1, rate: 0.01, volumes: [VOLUME] });
    for (const setting of ['learnt, one rule', 'learnt, baseline']) {
      const summary = of(scores, setting);
      expect(summary.occurred).toBeGreaterThanOrEqual(DEFECTS.length - 1);
      expect(summary.missed).toEqual([]);
      expect(recallOf(summary)).toBe(1);
      expect(summary.falseFindings).toEqual([]);
      expect(summary.differs).toBe(1);
    }
    // Which instance answered is neither random nor repeated otherwise: only a rule or a baseline tells.
    expect(of(scores, 'learnt').falseFindings).toEqual(['GET /rates: field body /source']);
    expect(precisionOf(of(scores, 'nothing learnt'))).toBeLessThan(0.5);
  });

  it('finds nothing where both are the same', { timeout: PATIENCE_MS }, async () => {
    const scores = await runTrial({ seed: 2, rate: 0, volumes: [VOLUME] });
    expect(of(scores, 'learnt, one rule').falseFindings).toEqual([]);
    expect(of(scores, 'learnt, baseline').falseFindings).toEqual([]);
    expect(of(scores, 'learnt, baseline').safe).toBe(1);
    expect(of(scores, 'nothing learnt').falseFindings.length).toBeGreaterThan(20);
  });
});

describe('the verdict on latency', () => {
  const rounds = 100;

  it.each(REGIMES)('is almost never slower where nothing is: $name', (regime) => {
    expect(simulate(regime, { pairs: 300, slowdown: 0, allowed: 0.1, rounds }).slower).toBeLessThanOrEqual(0.05);
    expect(simulate(regime, { pairs: 300, slowdown: 0, allowed: 0, rounds }).slower).toBeLessThanOrEqual(0.05);
  });

  it('is slower where a steady server takes a fifth more', () => {
    expect(simulate(REGIMES[0]!, { pairs: 200, slowdown: 0.2, allowed: 0.1, rounds }).slower).toBeGreaterThan(0.95);
  });
});
