import { mergeInsight, type InsightData } from '../../src/insight.ts';
import type { EndpointReport, FieldReport, Report, Verdict } from '../../src/compare/report.ts';
import type { EndpointLoad } from '../../src/observe/data.ts';
import { Histogram } from '../../src/sketch/histogram.ts';
import type { AgentStats } from '../../src/stats.ts';
import type { LiveExchange, LiveFilter } from '../../src/worker/live-exchange.ts';

/** What an agent says that mirrors a shop, in its own shapes; `n` is how far its traffic has come. */

export const POLICY = 'shop/checkout-next';
export const TARGET = 'http://checkout-v2.shop.svc:8080';

export function statsAt(n: number): AgentStats {
  const request = (policy: string, outcome: string, reason: string, count: number) => ({ policy, outcome, reason, count }) as AgentStats['ledger']['requests'][number];
  const requests = [
    request('', 'unmatched', '', 20 * n),
    request('', 'incomplete', 'gap', 2),
    request('', 'malformed', 'header', 1),
    request(POLICY, 'excluded', '', 6 * n),
    request(POLICY, 'method', '', 3 * n),
    request(POLICY, 'sampled-out', '', 31 * n),
    request(POLICY, 'shed', 'queue', 2 * n),
    request(POLICY, 'failed', 'timeout', n),
    request(POLICY, 'mirrored', '2xx', 33 * n),
    request(POLICY, 'mirrored', '5xx', n),
  ];
  const open = 3;
  return {
    version: '0.1.0',
    uptimeSeconds: 3 * 3600 + 120,
    mirroring: true,
    governorShare: 1,
    tap: { name: 'ebpf:tcx', captured: 40 * n, shed: 0, notHttp: 0, lost: 0 } as unknown as AgentStats['tap'],
    ledger: {
      seen: requests.reduce((sum, { count }) => sum + count, open),
      open,
      requests,
      copies: [
        { policy: POLICY, target: TARGET, outcome: 'mirrored', reason: '2xx', count: 32 * n },
        { policy: 'shop/search-next', target: 'http://search-next.shop.svc:8080', outcome: 'mirrored', reason: '2xx', count: n },
        { policy: POLICY, target: TARGET, outcome: 'mirrored', reason: '5xx', count: n },
        { policy: POLICY, target: TARGET, outcome: 'failed', reason: 'timeout', count: n },
      ],
    },
    sampleShares: [
      { policy: POLICY, share: 1 },
      { policy: 'shop/search-next', share: 0.4 },
    ],
    counters: {},
    endpoints: [
      { name: 'shop/checkout-7d9f-x2k4', ports: [8080], attached: true, problem: '' },
      { name: 'shop/checkout-7d9f-p9wq', ports: [8080, 9090], attached: false, problem: 'its network namespace is gone' },
    ],
    comparisons: [],
    cluster: null,
    workers: { running: 2, restarts: 0 },
    process: { cpuUs: 1, rssBytes: 1 },
  };
}

const FIELDS: readonly FieldReport[] = [
  { where: 'body /items/-/price', kind: 'field', count: 412, share: 0.021, examples: [{ production: '1299', mirror: '12.99' }], because: "production's own answers never differ here in 840 repeats", undecided: false },
  { where: 'header content-type', kind: 'header', count: 37, share: 0.0019, examples: [{ production: '"application/json"', mirror: '"text/plain"' }], because: "production's own answers never differ here in 840 repeats", undecided: false },
];

const NOISE: readonly FieldReport[] = [
  { where: 'body /requestId', kind: 'field', count: 19_400, share: 1, examples: [{ production: 'uuid', mirror: 'uuid' }], because: "production's own answers differ here in 840 of 840 repeats", undecided: false },
];

function endpoint(method: string, template: string, verdict: Verdict, different: number, slower: boolean): EndpointReport {
  const compared = 19_400;
  const ratio = slower ? { estimate: 1.31, low: 1.22, high: 1.4 } : { estimate: 1.01, low: 0.98, high: 1.04 };
  return {
    method,
    template,
    verdict,
    reasons: slower ? ['the mirror is slower by 31 % (22 to 40 %), which is more than 10 %'] : verdict === 'differs' ? [`${different} of ${compared} exchanges differ, which is more than 0.1 %`] : ['no difference in 19,400 exchanges: below 0.02 % with 95 % confidence'],
    counts: { compared, equal: 11_000, noise: compared - 11_000 - different, different, differentShare: different / compared, kinds: { field: different }, notCompared: { incomplete: 3 } },
    fields: different > 0 ? FIELDS : [],
    noise: NOISE,
    errors: { answered: compared, production: 2, mirror: 31, difference: { estimate: 0.0015, low: 0.001, high: 0.002 } },
    latency: {
      pairs: compared,
      tested: 2_000,
      production: { p50: 1_850, p90: 4_100, p99: 19_000 },
      mirror: { p50: slower ? 2_450 : 1_900, p90: slower ? 5_600 : 4_200, p99: slower ? 24_000 : 18_500 },
      hopUs: { estimate: 210, low: 150, high: 300 },
      hopFrom: 'connect',
      ratio,
      confidence: 0.95,
      pValue: slower ? 1e-9 : 0.43,
      pSlower: slower ? 1e-9 : 0.7,
      verdict: slower ? 'slower' : 'no difference',
    },
  };
}

export function reportAt(n: number): Report {
  const compared = 30 * n;
  const different = Math.floor(n / 2);
  const noise = 12 * n;
  return {
    version: '0.1.0',
    at: '2026-03-02T10:00:00.000Z',
    policies: [
      {
        policy: POLICY,
        target: TARGET,
        role: 'Mirror',
        since: '2026-03-02T07:58:00.000Z',
        verdict: 'differs',
        reasons: ['GET /orders/{id}: 2.1 % of exchanges differ in body /items/-/price', 'POST /checkout: the mirror is slower by 31 % (22 to 40 %)'],
        counts: { compared, equal: compared - noise - different, noise, different, differentShare: different / compared, kinds: { field: different }, notCompared: { incomplete: 2 * n, failed: n } },
        endpoints: [endpoint('GET', '/orders/{id}', 'differs', 412, false), endpoint('POST', '/checkout', 'differs', 0, true), endpoint('GET', '/health', 'looks safe', 0, false)],
        folded: 0,
      },
    ],
  };
}

export function insightAt(n: number): InsightData {
  const policies = [
    {
      policy: POLICY,
      target: TARGET,
      role: 'Mirror' as const,
      rules: '',
      sinceMs: 0,
      folded: 0,
      notCompared: {},
      connectUs: [],
      endpoints: reportAt(n).policies[0]!.endpoints.map(({ method, template }, which) => ({
        method,
        template,
        compared: 19_400,
        notCompared: {},
        signatures: [],
        places: [],
        repeats: 840,
        soonRepeats: 120,
        answers: { production: { statuses: [0, 1, 0, 0, 0], errors: 0 }, mirror: { statuses: [0, 1, 0, 0, 0], errors: 0 } } as InsightData['compare']['policies'][number]['endpoints'][number]['answers'],
        latency: { pairs: 19_400, sample: latencies(which === 1 ? 1.31 : 1.01) },
      })),
    },
  ];
  return {
    ...mergeInsight([]),
    compare: { policies },
    observe: {
      endpoints: [load('GET', '/orders/{id}', 210, 1_850, null), load('POST', '/checkout', 34, 22_000, 0.82), load('GET', '/health', 2, 300, 0.05)],
      clients: [
        { endpoint: 'shop/checkout-7d9f-x2k4', address: '10.42.7.19', count: 82_000, error: 12 },
        { endpoint: 'shop/checkout-7d9f-x2k4', address: '10.42.3.4', count: 9_100, error: 40 },
        { endpoint: 'shop/checkout-7d9f-p9wq', address: '2001:db8::17', count: 610, error: 55 },
      ],
      folded: 0,
    },
    findings: {
      findings: [
        { rule: 'path-traversal', severity: 'high', endpoint: 'shop/checkout-7d9f-x2k4', source: '203.0.113.9', method: 'GET', template: '/static/{file}', evidence: 'GET /static/../../etc/passwd', firstMs: Date.now() - 900_000, lastMs: Date.now() - 4_000, count: 47 },
        { rule: 'request-flood', severity: 'medium', endpoint: 'shop/checkout-7d9f-x2k4', source: '', method: 'POST', template: '/login', evidence: '420 a second, 30 are usual', firstMs: Date.now() - 120_000, lastMs: Date.now() - 1_000, count: 3 },
        { rule: 'secret-in-url', severity: 'low', endpoint: 'shop/checkout-7d9f-p9wq', source: '10.42.7.19', method: 'GET', template: '/api/export', evidence: 'parameter api_key', firstMs: Date.now() - 7_000_000, lastMs: Date.now() - 60_000, count: 212 },
      ],
      totals: { 'path-traversal': 47, 'request-flood': 3, 'secret-in-url': 212 },
      unlisted: 0,
    },
  };
}

function load(method: string, template: string, rate: number, medianUs: number, saturation: number | null): EndpointLoad {
  const complete = new Histogram();
  const firstByte = new Histogram();
  for (let i = 0; i < 500; i++) {
    const us = medianUs * Math.exp(Math.sin(i * 12.9898) * 1.1);
    complete.record(us);
    firstByte.record(us * 0.8);
  }
  return {
    endpoint: 'shop/checkout-7d9f-x2k4',
    port: 8080,
    method,
    template,
    sinceMs: 0,
    requests: rate * 1_000,
    rate,
    statuses: [0, rate * 995, 0, rate * 4, rate],
    unanswered: 0,
    firstByte: firstByte.sparse(),
    complete: complete.sparse(),
    requestBytes: rate * 312_000,
    responseBytes: rate * 2_048_000,
    largestRequest: 88_000,
    largestResponse: 3_400_000,
    concurrency: { mean: rate / 40, most: Math.ceil(rate / 8) },
    saturation,
  };
}

/** As a PairReservoir keeps them: of the last hour. */
function latencies(ratio: number): number[] {
  return Array.from({ length: 400 }, (_, i) => {
    const production = 1_850 * Math.exp(Math.sin(i * 78.233) * 0.9);
    return [Date.now() - 9_000 * (400 - i), production, production * ratio * Math.exp(Math.sin(i * 37.719) * 0.25)];
  }).flat();
}

const BODY = { id: 42, status: 'paid', requestId: 'redacted-Yx3', items: [{ sku: 'A-1', price: 1299 }, { sku: 'B-7', price: 450 }] };

/** The `n`th exchange: every fourth differs, every tenth was not compared. */
export function exchangeAt(n: number): LiveExchange {
  const differs = n % 4 === 0;
  const left = n % 10 === 9;
  const answer = (status: number, completeUs: number, body: object) => ({
    status,
    headers: ['content-type', 'application/json', 'set-cookie', '(hidden)', 'date', 'Mon, 02 Mar 2026 10:00:00 GMT'],
    trailers: [],
    body: { text: JSON.stringify(body), note: '' },
    bodyBytes: 412,
    firstByteUs: completeUs * 0.8,
    completeUs,
  });
  return {
    atMs: Date.now(),
    policy: POLICY,
    target: TARGET,
    method: n % 3 === 0 ? 'POST' : 'GET',
    path: n % 3 === 0 ? '/checkout' : `/orders/${n}`,
    template: n % 3 === 0 ? '/checkout' : '/orders/{id}',
    verdict: left ? 'failed' : differs ? 'different' : n % 2 === 0 ? 'noise' : 'equal',
    outcome: left ? 'failed timeout' : differs && n % 8 === 0 ? 'mirrored 5xx' : 'mirrored 2xx',
    differences: differs && !left ? [{ where: 'body /items/-/price', kind: 'field', production: '1299', mirror: '12.99' }] : [],
    production: answer(200, 1_850 + (n % 17) * 90, BODY),
    mirror: left ? null : answer(differs && n % 8 === 0 ? 500 : 200, 2_100 + (n % 13) * 130, differs ? { ...BODY, items: [{ sku: 'A-1', price: 12.99 }, BODY.items[1]] } : BODY),
  };
}

export function fitsFilter(exchange: LiveExchange, { policy, template, method, statusClass, onlyDifferent, text }: LiveFilter): boolean {
  if (policy !== '' && exchange.policy !== policy) return false;
  if (template !== '' && exchange.template !== template) return false;
  if (method !== '' && exchange.method !== method) return false;
  if (onlyDifferent && exchange.verdict !== 'different') return false;
  if (statusClass !== 0 && ![exchange.production, exchange.mirror].some((answer) => answer !== null && Math.floor(answer.status / 100) === statusClass)) return false;
  return exchange.path.toLowerCase().includes(text);
}
