import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentReport } from '../../src/kube/agent-report.ts';
import { summarise, type AgentAnswer, type PolicySummary } from '../../src/kube/fleet.ts';
import type { ComparisonSummary } from '../../src/stats.ts';
import { agentStats, type PolicyPart } from '../support/agent-stats.ts';

function answer(node: string, ...policies: PolicyPart[]): AgentAnswer {
  return { node, pod: `agent-${node}`, stats: agentReport(JSON.parse(JSON.stringify(agentStats(node, policies)))), problem: '' };
}

const SILENT: AgentAnswer = { node: 'node-z', pod: 'agent-z', stats: null, problem: 'no answer' };

describe('what agents say together', () => {
  it('is the sum of each policy over the nodes, in the order of names', () => {
    const summaries = summarise([
      answer('a', { policy: 'shop/q' }, { policy: 'shop/p', generation: 3, pods: { 'shop/1': '', 'shop/2': 'gone' }, requests: { mirrored: 2, recorded: 1, shed: 4, unmatched: 7 }, copies: { t: { mirrored: 2 } }, share: 0.5 }),
      answer('b', { policy: 'shop/p', generation: 2, pods: { 'shop/3': '' }, requests: { mirrored: 1, failed: 5, incomplete: 6 }, copies: { s: { shed: 1 }, t: { mirrored: 1, failed: 5 } } }),
      SILENT,
    ]);
    expect(summaries.map(({ policy }) => policy)).toEqual(['shop/p', 'shop/q']);
    expect(summaries[0]).toEqual({
      policy: 'shop/p',
      nodes: 2,
      generations: [2, 3],
      endpoints: 3,
      attached: 2,
      share: 0.75,
      counts: { seen: 26, mirrored: 4, failed: 5, shed: 4, incomplete: 6, other: 7 },
      targets: [
        { target: 's', mirrored: 0, failed: 0, shed: 1 },
        { target: 't', mirrored: 3, failed: 5, shed: 0 },
      ],
      problems: ['shop/2: gone'],
      comparison: null,
      conditions: [],
    });
  });

  describe('of comparisons', () => {
    const DIFFERS = { verdict: 'differs', reason: 'a field differs', compared: 50, different: 9 } as const;
    const SAFE = { verdict: 'looks safe', reason: 'nothing differs', compared: 900, different: 0 } as const;
    const LITTLE = { verdict: 'too little data', reason: '3 of 100', compared: 3, different: 0 } as const;
    const summed = (...parts: readonly Pick<ComparisonSummary, 'verdict' | 'reason' | 'compared' | 'different'>[]): PolicySummary['comparison'] | undefined =>
      summarise(parts.map((part, i) => {
        const stats = agentStats(`n${i}`, [], { comparisons: [{ policy: 'shop/p', target: 't', notCompared: 0, ...part }] });
        return { node: `n${i}`, pod: `n${i}`, stats: agentReport(stats), problem: '' };
      }))[0]?.comparison;

    it('is that a mirror differs where one agent says so, however many say otherwise', () => {
      for (const order of [[SAFE, DIFFERS, LITTLE], [DIFFERS, LITTLE, SAFE]]) {
        expect(summed(...order)).toEqual({ verdict: 'differs', reason: 'a field differs', compared: 953, different: 9 });
      }
    });

    it('is that it looks safe where those say so that have compared at least half', () => {
      expect(summed(LITTLE, SAFE)?.verdict).toBe('looks safe');
      expect(summed({ ...LITTLE, compared: 2_000 }, SAFE)?.verdict).toBe('too little data');
      expect(summed()).toBeUndefined();
    });
  });

  it('leaves out requests of no policy, and of those that are long gone', () => {
    const stats = agentStats('a', [{ policy: '', requests: { unmatched: 5 } }, { policy: '(removed)', requests: { mirrored: 5 } }]);
    const summaries = summarise([{ node: 'a', pod: 'a', stats: agentReport({ ...stats, cluster: null }), problem: '' }]);
    expect(summaries).toEqual([]);
  });

  it('keeps counts of a policy that no agent selects a pod by any more', () => {
    const stats = agentStats('a', [{ policy: 'shop/p', requests: { mirrored: 5 } }]);
    const [summary] = summarise([{ node: 'a', pod: 'a', stats: agentReport({ ...stats, cluster: { ...stats.cluster!, policies: [] } }), problem: '' }]);
    expect(summary).toMatchObject({ nodes: 0, generations: [0, 0], endpoints: 0, counts: { mirrored: 5 } });
  });

  it('names some of many problems, and one condition of each reason that is not as it should be', () => {
    const pods = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`shop/${String(index).padStart(2, '0')}`, 'gone']));
    const said = (message: string, status = 'False') => [{ type: 'ResolvedRefs', status, reason: 'FileUnreadable', message }];
    const [summary] = summarise([
      answer('a', { policy: 'shop/p', pods, conditions: said('z') }),
      answer('b', { policy: 'shop/p', conditions: said('a') }),
      answer('c', { policy: 'shop/p', conditions: said('fine', 'True') }),
    ]);
    expect(summary!.problems).toHaveLength(10);
    expect(summary!.problems[0]).toBe('shop/00: gone');
    expect(summary!.conditions).toEqual(said('a'));
  });

  it('does not depend on who answers first', () => {
    const part = fc.record({
      policy: fc.constantFrom('a/p', 'a/q', 'b/p'),
      generation: fc.nat(3),
      pods: fc.dictionary(fc.constantFrom('a/1', 'a/2', 'a/3'), fc.constantFrom('', 'x', 'y')),
      requests: fc.dictionary(fc.constantFrom('mirrored', 'failed', 'shed', 'unmatched'), fc.nat(100)),
      copies: fc.dictionary(fc.constantFrom('s', 't'), fc.constant({ mirrored: 1 })),
    });
    const fleet = fc.array(fc.uniqueArray(part, { selector: ({ policy }) => policy }), { maxLength: 6 });
    fc.assert(
      fc.property(fleet, (nodes) => {
        const answers = nodes.map((policies, index) => answer(`node-${index}`, ...policies));
        expect(summarise([...answers].reverse())).toEqual(summarise(answers));
      }),
      { interruptAfterTimeLimit: 2_000 },
    );
  });
});

describe('an answer that is not as it should be', () => {
  it.each([[null], ['x'], [[]], [{}], [{ ledger: {}, endpoints: {} }], [{ ledger: [], endpoints: [], tap: {} }]])('is none: %j', (value) => {
    expect(agentReport(value)).toBeNull();
  });

  it('counts for nothing where it makes no sense', () => {
    const stats = agentStats('a', [{ policy: 'shop/p', requests: { mirrored: 1 } }]);
    const rows = [null, 5, { policy: 'shop/p' }, ...[-1, NaN, Infinity, '7', null].map((count) => ({ policy: 'shop/p', outcome: 'mirrored', count }))];
    const report = agentReport({ ...stats, ledger: { requests: rows, copies: 'x', seen: -4 }, sampleShares: [{ policy: 'shop/p', share: 50 }], uptimeSeconds: 'long' });
    const [summary] = summarise([{ node: 'a', pod: 'a', stats: report, problem: '' }]);
    expect(summary!.counts.seen).toBe(Number.MAX_SAFE_INTEGER);
    expect(summary!.share).toBe(1);
    expect(report).toMatchObject({ uptimeSeconds: 0, ledger: { seen: 0, copies: [] } });
  });

  it('never throws, whatever it is', () => {
    const stats = agentStats('a', [{ policy: 'shop/p', pods: { 'shop/1': '' } }]);
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(stats)), fc.jsonValue(), fc.jsonValue(), (field, value, inner) => {
        const report = agentReport({ ...stats, [field]: value, cluster: { policies: [inner], watches: inner } });
        summarise([{ node: 'a', pod: 'a', stats: report, problem: '' }]);
      }),
      { interruptAfterTimeLimit: 2_000 },
    );
  });
});
