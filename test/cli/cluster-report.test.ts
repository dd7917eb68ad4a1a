import { describe, expect, it } from 'vitest';
import { clusterReport, type ClusterReport, type ObjectState } from '../../src/cli/cluster-report.ts';
import type { AgentAnswer } from '../../src/kube/fleet.ts';
import type { AgentStats } from '../../src/stats.ts';
import { agentStats, type PolicyPart } from '../support/agent-stats.ts';

const TAP = agentStats('a', []).tap;

function answer(node: string, policies: readonly PolicyPart[], more: Partial<AgentStats> = {}): AgentAnswer {
  return { node, pod: `agent-${node}`, stats: agentStats(node, policies, more), problem: '' };
}

function report(before: readonly AgentAnswer[], after: readonly AgentAnswer[], objects: readonly ObjectState[] = [], wanted = (_: string): boolean => true): ClusterReport {
  return clusterReport([before, after], objects, 2, wanted);
}

function mirrored(count: number): PolicyPart[] {
  return [{ policy: 'shop/p', pods: { 'shop/1': '' }, requests: { mirrored: count, unmatched: count } }];
}

describe('rates', () => {
  it('go by the time that passed at each agent, which may be asked long after it was asked first', () => {
    const process = (cpuUs: number): AgentStats['process'] => ({ cpuUs, rssBytes: 1 });
    const before = [answer('a', mirrored(100), { uptimeSeconds: 10, process: process(0) }), answer('b', mirrored(0), { uptimeSeconds: 10 })];
    const after = [answer('a', mirrored(200), { uptimeSeconds: 20, process: process(5_000_000) }), answer('b', mirrored(20), { uptimeSeconds: 12 })];
    const { policies: [policy], nodes } = report(before, after);
    expect(policy).toMatchObject({ seenRate: 40, mirroredRate: 20, nodes: 2 });
    expect(policy!.byNode.map(({ node, seenRate }) => [node, seenRate])).toEqual([['a', 20], ['b', 20]]);
    expect(nodes.map(({ seenRate, mirroredRate, cpu }) => [seenRate, mirroredRate, cpu])).toEqual([[20, 10, 0.5], [20, 10, 0]]);
  });

  it('are none where an agent was started anew, is new, or has gone', () => {
    const anew = report([answer('a', mirrored(100), { uptimeSeconds: 10 })], [answer('a', mirrored(5), { uptimeSeconds: 1 })]);
    expect(anew.policies[0]).toMatchObject({ seenRate: 0, counts: { mirrored: 5 } });
    expect(report([], [answer('a', mirrored(5))]).policies[0]).toMatchObject({ seenRate: 0 });
    const gone = report([answer('a', mirrored(5))], [{ node: 'a', pod: 'agent-a', stats: null, problem: 'gone' }]);
    expect(gone).toMatchObject({ policies: [], nodes: [{ node: 'a', state: 'gone', seenRate: 0 }], problems: ['node a: agent agent-a does not answer: gone'] });
  });
});

describe('the state of a policy', () => {
  const state = (policies: readonly PolicyPart[], objects: readonly ObjectState[] = []): string => report([], [answer('a', policies)], objects).policies[0]!.state;

  it('is what its object says, or else what agents say', () => {
    const conditions = [{ type: 'Accepted', status: 'False', reason: 'Invalid', message: 'm' }];
    expect(state([{ policy: 'shop/p', conditions }], [{ policy: 'shop/p', state: 'ok', message: '' }])).toBe('ok');
    expect(state([{ policy: 'shop/label:p', conditions }])).toBe('Invalid');
    expect(state([{ policy: 'shop/label:p' }])).toBe('ok');
  });

  it('is that it has gone where only counts are left', () => {
    const stats = agentStats('a', mirrored(5));
    const left = answer('a', [], { ledger: stats.ledger });
    expect(report([], [left]).policies).toMatchObject([{ policy: 'shop/p', state: 'gone', nodes: 0, counts: { mirrored: 5 } }]);
  });

  it('is there for policies that select nothing, in the order of names, and for those asked for only', () => {
    const objects = ['shop/z', 'shop/a', 'test/a'].map((policy) => ({ policy, state: 'NoPods', message: 'none' }));
    const { policies, problems } = report([], [answer('a', mirrored(1))], objects, (policy) => policy.startsWith('shop/'));
    expect(policies.map(({ policy, state: is }) => `${policy} ${is}`)).toEqual(['shop/a NoPods', 'shop/p ok', 'shop/z NoPods']);
    expect(problems).toEqual(['policy shop/z: NoPods: none', 'policy shop/a: NoPods: none']);
  });
});

describe('the state of a node', () => {
  it.each<[string, Partial<AgentStats>]>([
    ['ok', {}],
    ['switched off', { mirroring: false }],
    ['no worker runs', { workers: { running: 0, restarts: 0 } }],
    ['has not heard the cluster yet', { cluster: { ...agentStats('a', []).cluster!, synced: false } }],
    ['cannot follow the cluster', { cluster: { ...agentStats('a', []).cluster!, watches: [{ resource: 'pods', state: 'failing', objects: 0, lists: 0, watches: 0, events: 0, problem: 'x' }] } }],
  ])('is: %s', (state, more) => {
    expect(report([], [answer('a', [], more)]).nodes[0]!.state).toBe(state);
  });
});

describe('problems', () => {
  it('begin with the worst, and are not endless', () => {
    const watch = { objects: 0, lists: 0, watches: 0, events: 0, problem: 'not found' };
    const cluster = { ...agentStats('a', []).cluster!, watches: [{ resource: 'referencegrants', state: 'missing' as const, ...watch }, { resource: 'services', state: 'failing' as const, ...watch }] };
    const bad = answer('a', [{ policy: 'shop/p', pods: { 'shop/1': 'no cgroup' } }], { cluster: { ...cluster, policies: [] }, workers: { running: 1, restarts: 2 }, tap: { ...TAP, shed: 3, lost: 4 } });
    const silent = { node: 'b', pod: 'agent-b', stats: null, problem: 'refused' };
    expect(report([], [bad, silent], [{ policy: 'shop/p', state: 'Invalid', message: 'm' }]).problems).toEqual([
      'node b: agent agent-b does not answer: refused',
      'policy shop/p: Invalid: m',
      'node a: pod shop/1 is not tapped: no cgroup',
      'node a: services: not found',
      'node a: workers ended unexpectedly, 2 times; see the log of its agent',
      'node a: 3 packets were left out because a ring was full; give workers or ringBytes',
      'node a: 4 packets could not be read or were lost by the kernel',
    ]);
    const many = Array.from({ length: 30 }, () => silent);
    expect(report([], many).problems).toHaveLength(21);
    expect(report([], many).problems.at(-1)).toBe('and 10 more');
  });
});
