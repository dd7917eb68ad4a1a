import { describe, expect, it } from 'vitest';
import type { EndpointComparison, PlaceEvidence, PolicyComparison } from '../../src/compare/data.ts';
import { judge } from '../../src/compare/judge.ts';
import type { JudgeRules } from '../../src/compare/judge-rules.ts';
import type { PolicyReport } from '../../src/compare/report.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import { RULES } from './bench.ts';

interface Given {
  readonly compared: number;
  readonly template?: string;
  readonly different?: number;
  readonly place?: Partial<PlaceEvidence>;
  readonly repeats?: number;
  readonly errors?: [production: number, mirror: number];
  readonly notCompared?: EndpointComparison['notCompared'];
  /** Mirror time / production time. */
  readonly slowdown?: number;
}

/** One place that differs in so many exchanges; production is known to be steady. */
function endpoint({ compared, template = '/a', different = 0, place = {}, repeats = 1_000, errors = [0, 0], notCompared = {}, slowdown }: Given): EndpointComparison {
  const random = seededRandom(5);
  const sample = slowdown === undefined ? [] : Array.from({ length: 400 }, (_, i) => [i, 5_000 + random() * 5_000] as const).flatMap(([at, us]) => [at * 50, us, us * slowdown * (0.9 + random() * 0.2)]);
  const statuses = [0, compared, 0, 0, 0] as const;
  return {
    method: 'GET', template, compared, notCompared, repeats, soonRepeats: 0,
    signatures: different === 0 ? [] : [{ places: [0], count: different }],
    places: different === 0 ? [] : [{ where: 'body /total', kind: 'field', differed: different, unlisted: 0, looked: 1, random: 0, varied: 0, variedSoon: 0, examples: [{ production: '17', mirror: '18' }], ...place }],
    answers: { production: { statuses, errors: errors[0] }, mirror: { statuses, errors: errors[1] } },
    latency: { pairs: sample.length / 3, sample },
  };
}

function policy(endpoints: readonly Given[], about: Partial<PolicyComparison> = {}): PolicyComparison {
  return {
    policy: 'shop/next', target: 'http://v2', role: 'Mirror', rules: '1', sinceMs: 1_700_000_000_000, endpoints: endpoints.map(endpoint), folded: 0,
    notCompared: {}, connectUs: [100, 100, 100, 100], ...about,
  };
}

function report(endpoints: readonly Given[], rules: Partial<JudgeRules> = {}): PolicyReport {
  return judge({ policies: [policy(endpoints)] }, () => ({ ...RULES, ...rules })).policies[0]!;
}

describe('a mirror looks safe', () => {
  it('where nothing differs in enough exchanges, with the size of the sample and what it can rule out', () => {
    expect(report([{ compared: 1_200 }])).toMatchObject({
      verdict: 'looks safe',
      since: '2023-11-14T22:13:20.000Z',
      reasons: ['0 of 1,200 answers differ: below 0.25 % with 95 % confidence.'],
      counts: { compared: 1_200, equal: 1_200, noise: 0, different: 0, differentShare: 0 },
      endpoints: [{ verdict: 'looks safe', reasons: ['0 of 1,200 answers differ: below 0.25 % with 95 % confidence.'], fields: [], noise: [], latency: null }],
    });
  });

  it('where all that differs is noise', () => {
    const noisy = report([{ compared: 400, different: 400, place: { varied: 990 } }]);
    expect(noisy).toMatchObject({ verdict: 'looks safe', reasons: ['0 of 400 answers differ: below 0.75 % with 95 % confidence. 400 differ by noise alone.'] });
    expect(noisy.endpoints[0]).toMatchObject({ counts: { equal: 0, noise: 400, different: 0 }, noise: [{ where: 'body /total', count: 400, share: 1, because: expect.stringContaining('990 of 1,000 repeats') }] });
  });

  it('where a share may differ, only if no more than that surely does', () => {
    const allow = { maxDifferentPercent: 0.1 };
    expect(report([{ compared: 100 }], allow)).toMatchObject({ verdict: 'too little data', reasons: [expect.stringMatching(/^0 of 100 answers differ, which is between 0 % and 3 % with 95 % confidence/)] });
    expect(report([{ compared: 4_000 }], allow).verdict).toBe('looks safe');
    expect(report([{ compared: 10_000, different: 4 }], allow).verdict).toBe('looks safe');
    expect(report([{ compared: 10_000, different: 9 }], allow).verdict).toBe('too little data');
  });

  it('also if some of its endpoints are too rare to tell', () => {
    const rare = report([{ compared: 980, template: '/a' }, { compared: 20, template: '/rare' }]);
    expect(rare.verdict).toBe('looks safe');
    expect(rare.reasons[1]).toBe('1 endpoint with 20 of 1,000 answers has too little data for a verdict: GET /rare.');
    expect(rare.endpoints.map(({ template, verdict }) => [template, verdict])).toEqual([['/a', 'looks safe'], ['/rare', 'too little data']]);
    expect(report([{ compared: 900, template: '/a' }, { compared: 99, template: '/rare' }]).verdict).toBe('too little data');
  });
});

describe('a mirror differs', () => {
  it('where one answer surely does, and none may', () => {
    expect(report([{ compared: 1_000, different: 12 }])).toMatchObject({
      verdict: 'differs',
      reasons: ['1 endpoint of 1 differs: GET /a.', '12 of 1,000 answers differ, 1.2 %: at least 0.69 % with 95 % confidence, where none may.'],
      endpoints: [
        {
          verdict: 'differs',
          reasons: ['12 of 1,000 answers differ, 1.2 %: at least 0.69 % with 95 % confidence, where none may.', 'They differ at body /total (field) in 12.'],
          fields: [{ where: 'body /total', kind: 'field', count: 12, share: 0.012, examples: [{ production: '17', mirror: '18' }] }],
          counts: { kinds: { field: 12 } },
        },
      ],
    });
  });

  it('where surely more do than may', () => {
    const allow = { maxDifferentPercent: 1 };
    expect(report([{ compared: 1_000, different: 12 }], allow).verdict).toBe('too little data');
    expect(report([{ compared: 1_000, different: 30 }], allow).verdict).toBe('differs');
  });

  it('where one endpoint does, however rare it is', () => {
    const rare = report([{ compared: 100_000, template: '/a' }, { compared: 20, template: '/rare', different: 20 }], { maxDifferentPercent: 0.1 });
    expect(rare).toMatchObject({ verdict: 'differs', reasons: ['1 endpoint of 2 differs: GET /rare.'] });
    expect(rare.endpoints[0]!.template).toBe('/rare');
  });

  it('where it fails more often, also without an answer', () => {
    const failing = report([{ compared: 1_000, errors: [1, 21] }]);
    expect(failing.verdict).toBe('differs');
    expect(failing.endpoints[0]!.reasons[0]).toMatch(/^The mirror fails more often: 21 of 1,000 requests \(2\.1 %\) against production's 1 \(0\.1 %\); the difference is 1\.\d+ to 3\.\d+ percentage points with 95 % confidence\.$/);
    expect(failing.endpoints[0]!.errors).toMatchObject({ answered: 1_000, production: 1, mirror: 21, difference: { estimate: 0.02 } });
    expect(report([{ compared: 1_000, errors: [10, 13] }]).verdict).toBe('looks safe');
    expect(report([{ compared: 1_000, errors: [21, 1] }]).verdict).toBe('looks safe');
  });

  it('where it refuses what production answers, with what that may come from in the first place', () => {
    const answers = { production: { statuses: [0, 500, 0, 9, 0], errors: 0 }, mirror: { statuses: [0, 9, 0, 500, 0], errors: 0 } } as const;
    const place = { where: 'status', kind: 'status', examples: [{ production: '200', mirror: '401' }] } as const;
    const given = endpoint({ compared: 509, different: 500, place });
    const refused = judge({ policies: [{ ...policy([]), endpoints: [{ ...given, answers }] }] }, () => RULES).policies[0]!;
    const why = 'The mirror refuses most of what production answers: 500 of its 509 answers have a status of 4xx, of production\'s 9. It may lack what production has: secrets, data, or a route.';
    expect(refused).toMatchObject({ verdict: 'differs', reasons: expect.arrayContaining([why]) });
    expect(refused.reasons[0]).toBe(why);
    expect(refused.endpoints[0]!.reasons[0]).toBe(why);
  });

  it('where it is down for half of the time, and says of how many copies nothing is known', () => {
    const down = report([{ compared: 500, errors: [0, 20], notCompared: { failed: 20, 'not-sent': 480 } }]);
    expect(down.verdict).toBe('differs');
    expect(down.reasons.at(-1)).toMatch(/^480 of 1,000 copies were never sent to the mirror: it was too slow, or had failed too often,/);
    const never = report([{ compared: 0, notCompared: { failed: 1, 'not-sent': 999 } }]);
    expect(never.reasons).toContain('1 of 1 exchange could not be compared: 1 failed (the mirror gave no answer).');
    expect(never.reasons.at(-1)).toMatch(/^999 of 1,000 copies were never sent/);
  });

  it('where it is slower than may be, and says how that was told', () => {
    const slow = report([{ compared: 1_000, slowdown: 1.3 }]);
    expect(slow.verdict).toBe('differs');
    expect(slow.endpoints[0]!.latency).toMatchObject({ verdict: 'slower', hopFrom: 'connect' });
    expect(slow.endpoints[0]!.reasons[0]).toMatch(/^Latency: slower: the mirror takes 1\.\d\d times as long/);
    expect(report([{ compared: 1_000, slowdown: 1.02 }]).verdict).toBe('looks safe');
    expect(report([{ compared: 1_000, slowdown: 1.3 }], { maxSlowdownPercent: 50 }).verdict).toBe('looks safe');
  });
});

describe('there is too little data', () => {
  it('before enough has been compared', () => {
    expect(report([])).toMatchObject({ verdict: 'too little data', reasons: ['No answer has been compared, where a verdict takes 100.'] });
    expect(report([{ compared: 1 }]).reasons[0]).toBe('Only 1 answer has been compared, where a verdict takes 100.');
    expect(report([{ compared: 99 }]).verdict).toBe('too little data');
  });

  it('where what differs may be noise', () => {
    const open = report([{ compared: 500, different: 3, repeats: 150, place: { varied: 1 } }]);
    expect(open).toMatchObject({ verdict: 'too little data', reasons: [expect.stringMatching(/^3 of 500 answers differ in ways that may be noise/), expect.anything()] });
    expect(open.endpoints[0]).toMatchObject({ verdict: 'too little data', counts: { different: 3 }, fields: [{ because: expect.stringMatching(/^too little is known of noise/) }] });
  });

  it('where most exchanges could not be compared, but not where they were not to be', () => {
    const gaps = report([{ compared: 400, notCompared: { 'too-large': 500, memory: 20 } }]);
    expect(gaps).toMatchObject({ verdict: 'too little data', reasons: [expect.anything(), '520 of 920 exchanges could not be compared: 500 too-large (content is beyond maxBodyBytes), 20 memory (there was no room to keep an answer).'] });
    const few = report([{ compared: 400, notCompared: { 'sampled-out': 5_000, 'not-sent': 500 } }]);
    expect(few.verdict).toBe('looks safe');
    expect(few.reasons[1]).toMatch(/^500 of 900 copies were never sent to the mirror: /);
    const some = report([{ compared: 400, notCompared: { incomplete: 40 } }]);
    expect(some.verdict).toBe('looks safe');
    expect(some.reasons[1]).toBe('40 of 440 exchanges could not be compared: 40 incomplete (an answer was not captured whole).');
  });
});

describe('judging', () => {
  it('tells an exchange with a finding among noise from one with noise alone, also where signatures do not show all', () => {
    const noise: PlaceEvidence = { where: 'body /id', kind: 'field', differed: 1_000, unlisted: 0, looked: 0, random: 0, varied: 1_000, variedSoon: 0, examples: [] };
    const total: PlaceEvidence = { ...noise, where: 'body /total', differed: 30, varied: 0 };
    const given = (change: Partial<EndpointComparison>): PolicyReport =>
      judge({ policies: [{ ...policy([]), endpoints: [{ ...endpoint({ compared: 1_000 }), places: [noise, total], ...change }] }] }, () => RULES).policies[0]!;
    const shown = given({ signatures: [{ places: [0], count: 970 }, { places: [0, 1], count: 30 }] });
    expect(shown.counts).toMatchObject({ equal: 0, noise: 970, different: 30, kinds: { field: 30 } });
    const withoutNoise = given({ places: [{ ...noise, unlisted: 1_000 }, total], signatures: [{ places: [], count: 970 }, { places: [1], count: 30 }] });
    expect(withoutNoise.counts).toEqual(shown.counts);
    const hidden = given({ places: [noise, { ...total, unlisted: 10 }], signatures: [{ places: [0], count: 980 }, { places: [0, 1], count: 20 }] });
    expect(hidden.counts).toMatchObject({ different: 30 });
    expect(hidden.endpoints[0]!.reasons[0]).toMatch(/^Up to 30 of 1,000 answers differ/);
  });

  it('asks more of each endpoint the more there are, so that chance alone accuses none', () => {
    const random = seededRandom(11);
    let accused = 0;
    for (let round = 0; round < 40; round++) {
      const errors = (): number => Array.from({ length: 500 }, () => random()).filter((draw) => draw < 0.02).length;
      const many = Array.from({ length: 40 }, (_, i): Given => ({ compared: 500, template: `/${i}`, errors: [errors(), errors()] }));
      if (report(many).endpoints.some(({ verdict }) => verdict === 'differs')) accused++;
    }
    expect(accused).toBeLessThanOrEqual(4);
  });

  it('uses what the baseline differs in as noise, lists it, and says what it is', () => {
    const differing: Given = { compared: 400, different: 80, repeats: 0 };
    const base = policy([differing], { target: 'http://v1', role: 'Baseline' });
    const [mirror, baseline] = judge({ policies: [policy([differing]), base] }, () => RULES).policies;
    expect(mirror).toMatchObject({ role: 'Mirror', verdict: 'looks safe', counts: { noise: 80 } });
    expect(baseline).toMatchObject({ role: 'Baseline', counts: { different: 80 } });
    expect(baseline!.reasons[0]).toBe('This is a baseline: where it differs is taken for noise of the mirrors of this policy.');
    expect(judge({ policies: [policy([differing])] }, () => RULES).policies[0]!.verdict).toBe('differs');
  });

  it('goes by the newest rules where they have changed, and leaves out policies that are gone', () => {
    const data = { policies: [policy([{ compared: 900, different: 900 }], { rules: 'old' }), policy([{ compared: 200 }], { rules: 'new', sinceMs: 1_800_000_000_000 })] };
    expect(judge(data, () => RULES).policies.map(({ verdict, counts }) => [verdict, counts.compared])).toEqual([['looks safe', 200]]);
    expect(judge(data, () => null).policies).toEqual([]);
  });
});
