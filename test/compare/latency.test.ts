import { describe, expect, it } from 'vitest';
import { describeLatency, judgeLatency, type LatencyInput } from '../../src/compare/judge/latency.ts';
import type { LatencyReport } from '../../src/compare/report.ts';
import type { Random } from '../../src/sketch/random.ts';
import { seededRandom } from '../../src/sketch/random.ts';
import type { PairSample } from '../../src/sketch/reservoir.ts';
import { disturbed, gaussian } from '../support/noise.ts';

/** What production takes typically, microseconds. */
const TYPICAL_US = 8_000;
const HOP_US = 300;

interface Service {
  readonly pairs?: number;
  /** Mirror's own time / production's. */
  readonly slowdown?: number;
  /** Pairs that a disturbance of either side lasts; none if left out. */
  readonly memory?: number;
  readonly typicalUs?: number;
}

/** Log-normal times of two servers that share what a request costs; the mirror's with a hop that trembles. */
function pairsOf({ pairs = 300, slowdown = 1, memory, typicalUs = TYPICAL_US }: Service, random: Random): PairSample {
  const noise = () => (memory === undefined ? gaussian(pairs, random) : disturbed(pairs, memory, random));
  const [cost, production, mirror, tremble] = [gaussian(pairs, random), noise(), noise(), gaussian(pairs, random)];
  const sample: number[] = [];
  for (let i = 0; i < pairs; i++) {
    const shared = typicalUs * Math.exp(0.5 * cost[i]!);
    sample.push(i * 50, shared * Math.exp(0.25 * production[i]!), slowdown * shared * Math.exp(0.25 * mirror[i]!) + HOP_US * Math.exp(0.3 * tremble[i]!));
  }
  return { pairs, sample };
}

function judged(service: Service, seed: number, more: Partial<LatencyInput> = {}): LatencyReport {
  const random = seededRandom(seed);
  const connectUs = gaussian(20, random).map((value) => HOP_US * Math.exp(0.3 * value));
  const report = judgeLatency({ pairs: pairsOf(service, random), baseline: null, connectUs, quickestUs: Infinity, maxSlowdown: 0.1, confidence: 0.95, ...more });
  if (report === null) throw new Error('there are pairs');
  return report;
}

/** Share of so many services that get this verdict. */
function share(verdict: LatencyReport['verdict'], service: Service, more?: Partial<LatencyInput>, rounds = 100): number {
  let count = 0;
  for (let seed = 0; seed < rounds; seed++) if (judged(service, seed, more).verdict === verdict) count++;
  return count / rounds;
}

describe('the latency of a mirror', () => {
  it('holds the hop for no longer than what the mirror answers quickest takes', () => {
    const random = seededRandom(5);
    const input = { baseline: null, connectUs: [5_000, 40_000, 40_000], maxSlowdown: 0.1, confidence: 0.95 };
    const pairs = pairsOf({ pairs: 400, slowdown: 2 }, random);
    const unbounded = judgeLatency({ ...input, pairs, quickestUs: Infinity })!;
    const bounded = judgeLatency({ ...input, pairs, quickestUs: 300 })!;
    expect([unbounded.verdict, bounded.verdict]).toEqual(['too little data', 'slower']);
    expect(bounded.hopUs).toEqual({ estimate: 300, low: 0, high: 300 });
  });

  it('is described by quantiles, sizes of samples, and the hop', () => {
    const report = judged({ pairs: 200 }, 1);
    expect(report).toMatchObject({ pairs: 200, tested: 200, hopFrom: 'connect', confidence: 0.95 });
    expect(report.production.p50).toBeGreaterThan(TYPICAL_US * 0.8);
    expect(report.production.p50).toBeLessThan(TYPICAL_US * 1.2);
    expect(report.production.p90).toBeGreaterThan(report.production.p50);
    expect(report.mirror.p99).toBeGreaterThanOrEqual(report.mirror.p90);
    expect(report.hopUs.estimate).toBeGreaterThan(HOP_US * 0.4);
    expect(report.hopUs.estimate).toBeLessThan(HOP_US);
    expect(report.hopUs).toMatchObject({ low: 0 });
    expect(report.hopUs.high).toBeGreaterThan(HOP_US * 0.7);
    expect(report.ratio.low).toBeLessThan(report.ratio.estimate);
    expect(report.ratio.high).toBeGreaterThan(report.ratio.estimate);
  });

  it('is not told where no pair has times', () => {
    const none = { baseline: null, connectUs: [], quickestUs: Infinity, maxSlowdown: 0.1, confidence: 0.95 };
    expect(judgeLatency({ pairs: { pairs: 0, sample: [] }, ...none })).toBeNull();
    expect(judgeLatency({ pairs: { pairs: 2, sample: [1, -1, 5, 2, 5, -1] }, ...none })).toBeNull();
  });

  it('has an interval that JSON can tell, also of one pair', () => {
    const { low, high } = judged({ pairs: 1 }, 1).ratio;
    expect(low).toBeCloseTo(0.001, 9);
    expect(high).toBeCloseTo(1_000, 6);
  });

  it('stays finite with answers that take no time or came before the hop was over', () => {
    const sample = Array.from({ length: 100 }, (_, i) => [i, 1 + (i % 3), 1 + (i % 7)]).flat();
    const report = judgeLatency({ pairs: { pairs: 100, sample }, baseline: null, connectUs: [500, 500, 500], quickestUs: Infinity, maxSlowdown: 0.1, confidence: 0.95 });
    expect(Number.isFinite(report?.ratio.low)).toBe(true);
    expect(Number.isFinite(report?.ratio.high)).toBe(true);
  });
});

describe('the verdict on latency', () => {
  it('is that nothing differs where nothing does', () => {
    expect(share('no difference', { pairs: 512, typicalUs: 20_000 })).toBeGreaterThan(0.9);
  });

  it('is slower where it is by more than what is allowed', () => {
    expect(share('slower', { slowdown: 1.3 })).toBeGreaterThan(0.95);
    expect(judged({ slowdown: 1.3 }, 1).pSlower).toBeLessThan(0.025);
  });

  it('is faster where it is', () => {
    expect(share('faster', { slowdown: 0.7 })).toBeGreaterThan(0.95);
  });

  it('is never given on a few pairs, however far apart they are', () => {
    expect(judged({ pairs: 29, slowdown: 10 }, 1).verdict).toBe('too little data');
    expect(judged({ pairs: 60, slowdown: 10 }, 1).verdict).toBe('slower');
  });

  it('raises false alarms no more often than the confidence allows, at the very edge of what is allowed', () => {
    expect(share('slower', { slowdown: 1.1 }, {}, 300)).toBeLessThan(0.025);
    expect(share('slower', { slowdown: 1 }, { maxSlowdown: 0 }, 300)).toBeLessThan(0.025);
  });

  it('does so no more often where disturbances touch neighbours', () => {
    expect(share('slower', { pairs: 512, memory: 8, slowdown: 1 }, { maxSlowdown: 0 }, 300)).toBeLessThan(0.045);
  });

  it('takes a hop that it does not know for a possible cause', () => {
    const fast = { typicalUs: 1_000, slowdown: 1.3 };
    expect(share('slower', fast, { connectUs: [] }, 50)).toBe(0);
    const slow = judged({ typicalUs: 100_000, slowdown: 1.3 }, 1, { connectUs: [] });
    expect(slow).toMatchObject({ verdict: 'slower', hopFrom: 'unknown' });
  });

  it('is not faster only because connecting took long', () => {
    expect(share('faster', { typicalUs: 300, pairs: 400 }, { connectUs: [440, 1_200, 3_200, 3_700, 6_000] }, 50)).toBe(0);
  });

  it('learns the hop from a baseline, which shows what else slows copies down', () => {
    const input = { connectUs: [300, 300, 300], quickestUs: Infinity, maxSlowdown: 0.1, confidence: 0.95 };
    const later = ({ pairs, sample }: PairSample): PairSample => ({ pairs, sample: sample.map((value, i) => (i % 3 === 2 ? value + 4_000 : value)) });
    const rounds = 60;
    let held = 0;
    let slowerByConnecting = 0;
    for (let seed = 0; seed < rounds; seed++) {
      const random = seededRandom(seed);
      const pairs = later(pairsOf({ pairs: 400 }, random));
      const report = judgeLatency({ ...input, pairs, baseline: later(pairsOf({ pairs: 400 }, random)) })!;
      expect(report.hopFrom).toBe('baseline');
      expect(report.verdict).not.toBe('slower');
      if (report.hopUs.low < 4_300 && report.hopUs.high > 4_300) held++;
      if (judgeLatency({ ...input, pairs, baseline: null })?.verdict === 'slower') slowerByConnecting++;
    }
    expect(held / rounds).toBeGreaterThan(0.9);
    expect(slowerByConnecting / rounds).toBeGreaterThan(0.9);
  });

  it('holds also where the hop takes longer than the answer', () => {
    let slower = 0;
    for (let seed = 0; seed < 40; seed++) {
      const random = seededRandom(seed);
      const fast = { pairs: 400, typicalUs: 200 };
      const input = { baseline: pairsOf(fast, random), connectUs: [], quickestUs: Infinity, maxSlowdown: 0.1, confidence: 0.95 };
      const same = judgeLatency({ ...input, pairs: pairsOf(fast, random) })!;
      expect(['no difference', 'too little data']).toContain(same.verdict);
      expect(same.ratio.estimate).toBeGreaterThan(0.7);
      expect(same.ratio.estimate).toBeLessThan(1.4);
      if (judgeLatency({ ...input, pairs: pairsOf({ ...fast, slowdown: 3 }, random) })?.verdict === 'slower') slower++;
    }
    expect(slower / 40).toBeGreaterThan(0.9);
  });
});

describe('the words on latency', () => {
  it('say what was measured, how sure it is, and what was taken off', () => {
    expect(describeLatency(judged({ slowdown: 1.3 }, 1))).toMatch(
      /^slower: the mirror takes 1\.\d\d times as long \(95 % interval 1\.\d\d to 1\.\d\d; 300 of 300 pairs; p < 0\.001\); median \d\.\d ms in production, \d+\.\d ms at the mirror, of which 0\.\d ms for the way there, as connecting shows$/,
    );
  });

  it('name the way there as a possible cause where its length is not known', () => {
    expect(describeLatency(judged({ slowdown: 1.5, typicalUs: 100_000 }, 1, { connectUs: [] }))).toMatch(
      /; how long the way there takes is not known: up to 2\.0 ms are allowed for it, and a longer one may be the cause$/,
    );
  });

  it('say what is missing where there is too little data', () => {
    expect(describeLatency(judged({ pairs: 12 }, 1))).toMatch(/^too little data: .*; 12 of 12 pairs, of which it takes 30;/);
  });
});
