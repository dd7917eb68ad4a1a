import { mergeInsight, type InsightData } from '../../src/insight.ts';

/** What a worker says that has seen `count` requests of one endpoint, compared that many and found as many faults. */
export function insightOf(count: number): InsightData {
  const none = mergeInsight([]);
  return {
    compare: {
      policies: [
        {
          policy: 'shop/next',
          target: 'http://next',
          role: 'Mirror',
          rules: '',
          sinceMs: 1000,
          folded: 0,
          notCompared: {},
          connectUs: [],
          endpoints: [
            {
              method: 'GET',
              template: '/orders/{id}',
              compared: count,
              notCompared: { incomplete: 1 },
              signatures: [{ places: [0], count }],
              places: [{ where: 'body /price', kind: 'field', differed: count, unlisted: 0, looked: 1, random: 0, varied: 0, variedSoon: 0, examples: [{ production: '17', mirror: '18' }] }],
              repeats: 0,
              soonRepeats: 0,
              answers: { production: { statuses: [0, count, 0, 0, 0], errors: 0 }, mirror: { statuses: [0, count, 0, 0, 0], errors: 0 } },
              latency: { pairs: count, sample: [] },
            },
          ],
        },
      ],
    },
    observe: {
      ...none.observe,
      endpoints: [
        {
          endpoint: 'shop/web-1',
          port: 8080,
          method: 'GET',
          template: '/orders/{id}',
          sinceMs: 1000,
          requests: count,
          rate: count / 10,
          statuses: [0, count, 0, 0, 0],
          unanswered: 0,
          firstByte: [],
          complete: [],
          requestBytes: 0,
          responseBytes: 0,
          largestRequest: 0,
          largestResponse: 0,
          concurrency: { mean: 1, most: 1 },
          saturation: null,
        },
      ],
    },
    findings: {
      findings: [
        {
          rule: 'traversal',
          severity: 'medium',
          endpoint: 'shop/web-1',
          source: '10.0.0.9',
          method: 'GET',
          template: '/files/{file}',
          evidence: 'GET /files/../../etc/passwd',
          firstMs: 1000,
          lastMs: 2000,
          count,
        },
      ],
      totals: { traversal: count },
      unlisted: 0,
    },
  };
}

/** Requests that are observed in it, compared, and found faults with. */
export function totalsOf({ compare, observe, findings }: InsightData): [observed: number, compared: number, found: number] {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return [
    sum(observe.endpoints.map(({ requests }) => requests)),
    sum(compare.policies.flatMap(({ endpoints }) => endpoints.map(({ compared }) => compared))),
    findings.totals.traversal ?? 0,
  ];
}
