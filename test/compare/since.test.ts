import { describe, expect, it } from 'vitest';
import type { ComparisonData, EndpointComparison, PolicyComparison } from '../../src/compare/data.ts';
import { comparedSince } from '../../src/compare/since.ts';

const place = (where: string, differed: number, varied = 0): EndpointComparison['places'][number] => ({ where, kind: 'field', differed, unlisted: 0, looked: differed, random: 0, varied, variedSoon: varied, examples: [] });

function endpoint(compared: number, more: Partial<EndpointComparison> = {}): EndpointComparison {
  const answers = { statuses: [0, compared, 0, 0, 0], errors: 0 } as const;
  return {
    method: 'GET',
    template: '/orders/{id}',
    compared,
    notCompared: {},
    signatures: [],
    places: [],
    repeats: 0,
    soonRepeats: 0,
    answers: { production: answers, mirror: answers },
    latency: { pairs: compared, sample: [] },
    ...more,
  };
}

function data(own: EndpointComparison, more: Partial<PolicyComparison> = {}): ComparisonData {
  const policy: PolicyComparison = { policy: 'shop/p', target: 'http://v2', role: 'Mirror', rules: 'r', sinceMs: 1, endpoints: [own], folded: 0, notCompared: {}, connectUs: [], ...more };
  return { policies: [policy] };
}

function since(before: ComparisonData, after: ComparisonData): EndpointComparison {
  return comparedSince(before, after).policies[0]!.endpoints[0]!;
}

describe('what was compared between two looks', () => {
  it('counts what came since, by places whatever their positions', () => {
    const before = endpoint(100, { notCompared: { incomplete: 3 }, places: [place('body /a', 5)], signatures: [{ places: [0], count: 5 }] });
    const after = endpoint(150, {
      notCompared: { incomplete: 4, failed: 2 },
      places: [place('body /b', 2), place('body /a', 6)],
      signatures: [{ places: [1], count: 5 }, { places: [0], count: 2 }, { places: [1, 0], count: 1 }],
    });
    const { compared, notCompared, places, signatures, answers } = since(data(before), data(after));
    expect({ compared, notCompared }).toEqual({ compared: 50, notCompared: { incomplete: 1, failed: 2 } });
    expect(places.map(({ where, differed }) => [where, differed])).toEqual([['body /b', 2], ['body /a', 1]]);
    expect(signatures).toEqual([{ places: [0], count: 2 }, { places: [1, 0], count: 1 }]);
    expect(answers.mirror.statuses).toEqual([0, 50, 0, 0, 0]);
  });

  it('counts nothing twice where a place was left out of all sets meanwhile', () => {
    const before = endpoint(100, {
      places: [place('body /noise', 60), place('body /a', 30)],
      signatures: [{ places: [0], count: 40 }, { places: [0, 1], count: 20 }, { places: [1], count: 10 }],
    });
    const after = endpoint(110, {
      places: [{ ...place('body /noise', 66), unlisted: 66 }, place('body /a', 32)],
      signatures: [{ places: [], count: 44 }, { places: [1], count: 32 }],
    });
    const { signatures, places } = since(data(before), data(after));
    expect(signatures).toEqual([{ places: [], count: 4 }, { places: [1], count: 2 }]);
    expect(places.map(({ differed, unlisted }) => [differed, unlisted])).toEqual([[6, 6], [2, 0]]);
  });

  it('never says that more differ than came since', () => {
    const before = endpoint(100, { places: [place('body /a', 50)], signatures: [{ places: [0], count: 50 }] });
    const after = endpoint(103, { places: [place('body /a', 50), place('body /b', 50)], signatures: [{ places: [1], count: 40 }, { places: [0, 1], count: 11 }] });
    expect(since(data(before), data(after)).signatures.reduce((sum, { count }) => sum + count, 0)).toBe(1);
  });

  it('keeps what is known of production itself: repeats, and baselines', () => {
    const before = endpoint(100, { repeats: 40, places: [place('body /at', 100, 40)] });
    const after = endpoint(150, { repeats: 60, places: [place('body /at', 150, 60)] });
    expect(since(data(before), data(after))).toMatchObject({ repeats: 60, places: [{ differed: 50, varied: 60 }] });
    expect(since(data(before, { role: 'Baseline' }), data(after, { role: 'Baseline' }))).toEqual(after);
  });

  it('leaves out endpoints at which nothing was done', () => {
    const [quiet, failing] = [endpoint(100, { notCompared: { failed: 1 } }), endpoint(100, { notCompared: { failed: 2 } })];
    expect(comparedSince(data(quiet), data(quiet)).policies[0]!.endpoints).toEqual([]);
    expect(since(data(quiet), data(failing))).toMatchObject({ compared: 0, notCompared: { failed: 1 } });
  });

  it('takes those pairs for the sample of the time that were not in it before', () => {
    const before = endpoint(2, { latency: { pairs: 2, sample: [1, 10, 11, 2, 20, 21] } });
    const after = endpoint(4, { latency: { pairs: 4, sample: [3, 30, 31, 2, 20, 21, 4, 40, 41] } });
    expect(since(data(before), data(after)).latency).toEqual({ pairs: 2, sample: [3, 30, 31, 4, 40, 41] });
  });

  it('counts from nothing where the agent, the policy or the endpoint began anew', () => {
    const after = endpoint(10);
    expect(since(data(endpoint(100), { sinceMs: 1 }), data(after, { sinceMs: 2 })).compared).toBe(10);
    expect(since(data(endpoint(100)), data(after)).compared).toBe(10);
    expect(since({ policies: [] }, data(after)).compared).toBe(10);
    expect(since(data(endpoint(5, { template: '/other' })), data(after)).compared).toBe(10);
  });
});
