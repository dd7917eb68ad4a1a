import type { Counts, EndpointReport, Report } from '../../../src/compare/report.ts';

const COUNTS: Counts = { compared: 1_200, equal: 900, noise: 288, different: 12, differentShare: 0.01, kinds: { field: 12 }, notCompared: { 'too-large': 3, incomplete: 7 } };

/** One endpoint that differs, one that is fine, one that nothing is known of. Texts are hostile where traffic can make them so. */
export function sampleReport(): Report {
  const differs: EndpointReport = {
    method: 'GET',
    template: '/orders/{id}',
    verdict: 'differs',
    reasons: ['12 of 1,200 exchanges differ (1 %)'],
    counts: COUNTS,
    fields: [
      {
        where: 'body /total',
        kind: 'field',
        count: 12,
        share: 0.01,
        examples: [{ production: '1299', mirror: '12.99' }, { production: '"<script>alert(1)</script>"', mirror: '' }],
        undecided: false,
        because: "production's own answers never differ here in 40 repeats",
      },
    ],
    noise: [{ where: 'body /at', kind: 'field', count: 1_200, share: 1, examples: [], undecided: false, because: "noise: production's own answers differ here in 40 of 40 repeats" }],
    errors: { answered: 1_200, production: 2, mirror: 14, difference: { estimate: 0.01, low: 0.004, high: 0.016 } },
    latency: {
      pairs: 1_200,
      tested: 512,
      production: { p50: 950, p90: 2_000, p99: 9_000 },
      mirror: { p50: 1_500, p90: 2_900, p99: 12_000 },
      hopUs: { estimate: 120, low: 60, high: 240 },
      hopFrom: 'connect',
      ratio: { estimate: 1.31, low: 1.22, high: 1.4 },
      confidence: 0.95,
      pValue: 1e-9,
      pSlower: 1e-9,
      verdict: 'slower',
    },
  };
  const safe: EndpointReport = {
    ...differs,
    template: '/health\u001b[2J',
    verdict: 'looks safe',
    reasons: ['0 of 600 differ: below 0.5 % with 95 % confidence'],
    counts: { ...COUNTS, compared: 600, equal: 600, noise: 0, different: 0, differentShare: 0, notCompared: {} },
    fields: [],
    noise: [],
    latency: null,
  };
  const little: EndpointReport = { ...safe, method: 'POST', template: '/orders', verdict: 'too little data', reasons: ['3 compared, 100 are needed'] };
  return {
    version: '0.1.0',
    at: '2026-01-02T03:04:05.000Z',
    policies: [
      {
        policy: 'shop/checkout-next',
        target: 'http://checkout-next.shop.svc',
        role: 'Mirror',
        since: '2026-01-02T03:00:00.000Z',
        verdict: 'differs',
        reasons: ['GET /orders/{id} differs'],
        counts: { ...COUNTS, compared: 1_803, equal: 1_503 },
        endpoints: [differs, safe, little],
        folded: 5,
      },
    ],
  };
}
