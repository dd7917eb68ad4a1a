import { describe, expect, it } from 'vitest';
import { mergeInsight, withoutValues } from '../src/insight.ts';
import { insightOf, totalsOf } from './support/insight.ts';

describe('what has been learnt', () => {
  it('sums up, over any number of workers', () => {
    expect(totalsOf(mergeInsight([]))).toEqual([0, 0, 0]);
    expect(totalsOf(mergeInsight([insightOf(2), insightOf(3)]))).toEqual([5, 5, 5]);
    expect(totalsOf(mergeInsight([mergeInsight([insightOf(2), insightOf(3)]), insightOf(4)]))).toEqual([9, 9, 9]);
  });

  it('keeps its counts and loses its values for those who may not see them', () => {
    const shown = withoutValues(insightOf(2));
    expect(totalsOf(shown)).toEqual([2, 2, 2]);
    expect(JSON.stringify(shown)).toContain('body /price');
    for (const value of ['"17"', '"18"']) {
      expect(JSON.stringify(insightOf(2))).toContain(value);
      expect(JSON.stringify(shown)).not.toContain(value);
    }
  });
});
