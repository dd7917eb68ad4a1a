import { describe, expect, it } from 'vitest';
import type { EndpointComparison, PlaceEvidence } from '../../src/compare/data.ts';
import { looksRandom } from '../../src/compare/examples/value-shape.ts';
import { judgePlaces } from '../../src/compare/judge/noise.ts';

const RULES = { learnNoise: true, minCompared: 100 };

function place(change: Partial<PlaceEvidence>): PlaceEvidence {
  return { where: 'body /a', kind: 'field', differed: 0, unlisted: 0, looked: 0, random: 0, varied: 0, variedSoon: 0, examples: [], ...change };
}

function endpoint(compared: number, repeats: number, places: readonly PlaceEvidence[], change: Partial<EndpointComparison> = {}): EndpointComparison {
  const counts = { statuses: [0, compared, 0, 0, 0], errors: 0 } as const;
  const signatures = places.map(({ differed }, i) => ({ places: [i], count: differed }));
  return {
    method: 'GET', template: '/a', compared, notCompared: {}, signatures, places, repeats, soonRepeats: 0,
    answers: { production: counts, mirror: counts }, latency: { pairs: 0, sample: [] }, ...change,
  };
}

/** What one place is taken for that differs so often, and of which production's repeats say so. */
function judged([differed, compared]: [number, number], [varied, repeats]: [number, number], change: Partial<PlaceEvidence> = {}) {
  return judgePlaces(endpoint(compared, repeats, [place({ differed, varied, ...change })]), null, RULES)[0]!;
}

describe('a place is noise', () => {
  it('where production differs from itself as often', () => {
    expect(judged([200, 200], [40, 40])).toEqual({
      standing: 'noise',
      because: "noise: production's own answers differ here in 40 of 40 repeats, the mirror's in 200 of 200",
    });
    expect(judged([170, 1_000], [30, 200]).standing).toBe('noise');
    expect(judged([3, 1_000], [40, 400]).standing).toBe('noise');
  });

  it('where it is there at times, in production as in the mirror', () => {
    const places = (own: [number, number]) => (['missing', 'added'] as const).map((kind, i) => place({ kind, differed: 20, varied: own[i]! }));
    expect(judgePlaces(endpoint(1_000, 100, places([1, 2])), null, RULES).map(({ standing }) => standing)).toEqual(['noise', 'noise']);
    const always = [place({ kind: 'added', differed: 1_000, varied: 2 }), place({ kind: 'missing', varied: 3 })];
    expect(judgePlaces(endpoint(1_000, 100, always), null, RULES)[0]!.standing).toBe('finding');
  });

  it('where the baseline differs from production as often', () => {
    const mirror = endpoint(400, 0, [place({ differed: 118 })]);
    const baseline = endpoint(400, 0, [place({ differed: 120 })]);
    expect(judgePlaces(mirror, baseline, RULES)).toEqual([
      { standing: 'noise', because: "noise: the baseline's answers differ from production's here in 120 of 400, the mirror's in 118 of 400" },
    ]);
    expect(judgePlaces(endpoint(400, 0, [place({ differed: 118 })]), endpoint(400, 0, []), RULES)).toEqual([
      { standing: 'finding', because: "the baseline's answers differ from production's here in 0 of 400, the mirror's differ in 118 of 400" },
    ]);
  });

  it('by assumption, where nothing was repeated and both sides always have other ids, tokens or times', () => {
    const id = { looked: 40, random: 40 };
    expect(judged([300, 300], [0, 0], id)).toMatchObject({ standing: 'noise', because: expect.stringMatching(/^assumed to be noise, as it looks random/) });
    expect(judged([300, 300], [0, 0], { looked: 40, random: 39 }).standing).toBe('finding');
    expect(judged([150, 300], [0, 0], id).standing).toBe('finding');
    expect(judged([300, 300], [0, 6], id).standing).toBe('finding');
  });

  it('where it differs only together with a list above it that is noise', () => {
    const places = [place({ where: 'body /items', kind: 'length', differed: 100, varied: 50 }), place({ where: 'body /items/-/name', differed: 4 })];
    const together = endpoint(1_000, 500, places, { signatures: [{ places: [0], count: 96 }, { places: [0, 1], count: 4 }] });
    expect(judgePlaces(together, null, RULES).map(({ standing }) => standing)).toEqual(['noise', 'noise']);
    const alone = endpoint(1_000, 500, places, { signatures: [{ places: [0], count: 96 }, { places: [0, 1], count: 3 }, { places: [1], count: 1 }] });
    expect(judgePlaces(alone, null, RULES).map(({ standing }) => standing)).toEqual(['noise', 'finding']);
  });
});

describe('a place is a finding', () => {
  it('where production is steady, or varies far less', () => {
    expect(judged([200, 200], [0, 40])).toEqual({ standing: 'finding', because: "production's own answers are the same here in all 40 repeats, the mirror's differ in 200 of 200" });
    expect(judged([200, 200], [4, 40])).toMatchObject({ standing: 'finding', because: "production's own answers differ here in 4 of 40 repeats, the mirror's differ in 200 of 200" });
  });

  it('with words that say so, where too few repeats are known to tell', () => {
    expect(judged([2, 2_000], [0, 50])).toEqual({
      standing: 'finding',
      because: "too little is known of noise here: production's own answers are the same here in all 50 repeats, the mirror's differ in 2 of 2,000",
    });
    expect(judged([200, 200], [0, 2])).toMatchObject({ standing: 'finding', because: expect.stringMatching(/^too little is known/) });
    expect(judged([200, 200], [0, 0])).toEqual({ standing: 'finding', because: 'nothing is known of noise here: no request was repeated' });
  });

  it('where the policy takes nothing for noise', () => {
    expect(judgePlaces(endpoint(200, 40, [place({ differed: 200, varied: 40 })]), null, { ...RULES, learnNoise: false })[0]!.standing).toBe('finding');
  });
});

describe('it is not decided', () => {
  it('by one or two repeats that vary: they may be writes, and do not hide a defect', () => {
    expect(judged([200, 200], [1, 1]).standing).toBe('unknown');
    expect(judged([200, 200], [2, 2]).standing).toBe('unknown');
    expect(judged([200, 200], [3, 3]).standing).toBe('noise');
    expect(judged([200, 200], [2, 30]).standing).toBe('finding');
  });

  it('where the mirror differs more often than repeats of the same moment, but not than later ones: others may have written', () => {
    const stock = place({ differed: 200, varied: 90, variedSoon: 2 });
    expect(judgePlaces(endpoint(1_000, 300, [stock], { soonRepeats: 100 }), null, RULES)[0]).toEqual({
      standing: 'unknown',
      because: "it may be what others write, if the mirror sees that later, which a baseline or a rule would tell: production's own answers differ here in 90 of 300 repeats, but in only 2 of 100 within three seconds, the mirror's in 200 of 1,000",
    });
    expect(judgePlaces(endpoint(1_000, 300, [{ ...stock, differed: 20 }], { soonRepeats: 100 }), null, RULES)[0]!.standing).toBe('noise');
    expect(judgePlaces(endpoint(1_000, 300, [stock], { soonRepeats: 10 }), null, RULES)[0]!.standing).toBe('noise');
  });

  it('by a few repeats that do not, before enough has been compared', () => {
    expect(judged([20, 20], [0, 3]).standing).toBe('unknown');
    expect(judged([20, 20], [0, 0]).standing).toBe('unknown');
    expect(judged([20, 20], [0, 30]).standing).toBe('finding');
  });
});

describe('values look random', () => {
  it.each([
    ['5f0c8a52-5f0e-4d8a-9f62-2f8f0f3c1d11', '0b1d8c52-aaaa-4d8a-9f62-2f8f0f3c1d12'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:06.120Z'],
    ['Fri, 02 Jan 2026 03:04:05 GMT', 'Fri, 02 Jan 2026 03:04:06 GMT'],
    ['1767323045', '1767323046'],
    ['1767323045123', '1767323046001'],
    ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b74bf92f3577b34da6'],
    ['W/"5f0c8a525f0e"', 'W/"0b1d8c52aaaa"'],
    ['ord_8fK2mZ91QpLx7Tn3', 'ord_1mQ9xT4kWz8Lp2Vb'],
  ])('%s and %s', (production, mirror) => expect(looksRandom(production, mirror)).toBe(true));

  it.each([
    ['pending', 'shipped'],
    ['17.99', '18.99'],
    ['1500', '1501'],
    ['2026-01-02T03:04:05Z', '5f0c8a52-5f0e-4d8a-9f62-2f8f0f3c1d11'],
    ['international-shipping', 'domestic-shipping-only'],
    ['2026-01-02', '2026-01-03'],
    ['', '5f0c8a52-5f0e-4d8a-9f62-2f8f0f3c1d11'],
  ])('but not %s and %s', (production, mirror) => expect(looksRandom(production, mirror)).toBe(false));
});
