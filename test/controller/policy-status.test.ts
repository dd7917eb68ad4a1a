import { describe, expect, it } from 'vitest';
import { eventsBetween } from '../../src/controller/event-writer.ts';
import { PolicyHealth } from '../../src/controller/health.ts';
import { countsTheSame, policyStatus, saysTheSame, type StatusInput } from '../../src/controller/policy-status.ts';
import { countsEveryMs, WriteBudget, writesPerSecond } from '../../src/controller/write-budget.ts';
import type { PolicySummary } from '../../src/kube/fleet.ts';
import type { Judgement } from '../../src/kube/judge.ts';
import type { PolicyStatus } from '../../src/kube/policy-status.ts';
import { policy } from '../policy/support.ts';

const RIGHT: Judgement = {
  applied: { policy: policy({ targets: [{ backendRef: { name: 'next', port: 80 } }] }), addresses: [[{ host: '10.0.0.1', port: 80 }]] },
  verdicts: [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the policy is right' },
    { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'all targets are there' },
  ],
};
const SUMMARY: PolicySummary = {
  policy: 'shop/p',
  nodes: 2,
  generations: [3, 3],
  endpoints: 4,
  attached: 4,
  share: 0.333,
  counts: { seen: 10, mirrored: 5, failed: 1, shed: 1, incomplete: 1, other: 2 },
  targets: [],
  problems: [],
  comparison: null,
  conditions: [],
};

function status(more: Partial<StatusInput> = {}): PolicyStatus {
  const now = '2027-01-01T00:00:00Z';
  return policyStatus({ generation: 3, judgement: RIGHT, summary: SUMMARY, agents: [5, 5], endpointsKnown: true, ailment: null, before: {}, now, ...more });
}

function conditionOf(of: PolicyStatus, wanted: string): string {
  const { status: holds, reason } = of.conditions!.find(({ type }) => type === wanted)!;
  return `${holds} ${reason}`;
}

describe('a status', () => {
  it.each<[string, Partial<StatusInput>]>([
    ['True Programmed', {}],
    ['True Programmed', { agents: [4, 5] }],
    ['Unknown NoAgents', { agents: [0, 0] }],
    ['Unknown NoAgents', { agents: [0, 5] }],
    ['False NoPods', { summary: null }],
    ['False NoPods', { summary: { ...SUMMARY, endpoints: 0, attached: 0 } }],
    ['False Pending', { summary: { ...SUMMARY, generations: [2, 3] } }],
    ['False EndpointsNotTapped', { summary: { ...SUMMARY, attached: 0 } }],
    ['False Invalid', { judgement: { applied: null, verdicts: [] } }],
  ])('is Programmed=%s', (wanted, input) => {
    expect(conditionOf(status(input), 'Programmed')).toBe(wanted);
  });

  it('has Matches where the policy compares, and Unknown as long as too little is known', () => {
    const judgement: Judgement = { ...RIGHT, applied: { ...RIGHT.applied!, policy: policy({ targets: [{ url: 'http://v2' }], compare: {} }) } };
    const of = (verdict: 'differs' | 'looks safe' | 'too little data'): string => {
      const comparison = { verdict, reason: 'a field differs', compared: 1, different: 1 };
      return conditionOf(status({ judgement, summary: { ...SUMMARY, comparison } }), 'Matches');
    };
    expect([of('differs'), of('looks safe'), of('too little data')]).toEqual(['False Differs', 'True LooksSafe', 'Unknown TooLittleData']);
    expect(conditionOf(status({ judgement }), 'Matches')).toBe('Unknown TooLittleData');
    expect(status().conditions!.map(({ type }) => type)).not.toContain('Matches');
  });

  it('is the same in a large cluster whichever few agents do not answer', () => {
    expect(status({ agents: [4_990, 5_000] }).conditions).toEqual(status({ agents: [4_988, 5_000] }).conditions);
  });

  it('has a share in whole percent, and no more targets and endpoints than there are', () => {
    const targets = Array.from({ length: 20 }, (_, index) => ({ target: `t${index}`, mirrored: 0, failed: 0, shed: 0 }));
    const { share, targets: rows, endpoints } = status({ summary: { ...SUMMARY, targets, attached: 9 } });
    expect({ share, rows: rows?.length, endpoints }).toEqual({ share: 33, rows: 16, endpoints: 4 });
  });

  it('is degraded where nobody is behind a target, as far as that is known', () => {
    const judgement: Judgement = { ...RIGHT, applied: { ...RIGHT.applied!, addresses: [[]] } };
    const idle = status({ judgement });
    expect(conditionOf(idle, 'Degraded')).toBe('True NoReadyEndpoints');
    expect(conditionOf(status({ judgement, endpointsKnown: false }), 'Degraded')).toBe('False Healthy');
    expect(conditionOf(status({ endpointsKnown: false, before: idle }), 'Degraded')).toBe('True NoReadyEndpoints');
    expect(conditionOf(status({ before: idle }), 'Degraded')).toBe('False Healthy');
  });

  it('keeps the time of a condition until its status changes', () => {
    const before = status();
    const later = '2027-01-01T00:01:00Z';
    const times = (of: PolicyStatus): string[] => of.conditions!.map(({ lastTransitionTime }) => lastTransitionTime.slice(14, 16));
    expect(times(status({ before, now: later, generation: 3 }))).toEqual(['00', '00', '00', '00']);
    expect(times(status({ before, now: later, summary: null }))).toEqual(['00', '00', '01', '00']);
  });

  it('says the same where only figures and wording differ', () => {
    const one = status();
    const counted = status({ summary: { ...SUMMARY, counts: { ...SUMMARY.counts, seen: 11 } } });
    const worded = status({ agents: [4, 5] });
    expect([saysTheSame(one, counted), countsTheSame(one, counted)]).toEqual([true, false]);
    expect([saysTheSame(one, worded), countsTheSame(one, worded)]).toEqual([true, false]);
    expect([saysTheSame(one, status({ generation: 2 })), saysTheSame(one, status({ summary: null }))]).toEqual([false, false]);
    expect(countsTheSame(one, status({ now: '2028-01-01T00:00:00Z' }))).toBe(true);
    expect(saysTheSame({}, one)).toBe(false);
  });
});

describe('the health of a policy', () => {
  /** What is said after each of these looks. */
  function after(health: PolicyHealth, ...summaries: (Partial<PolicySummary> | null)[]): (string | null)[] {
    return summaries.map((more) => {
      health.look(more === null ? null : { ...SUMMARY, ...more }, RIGHT.verdicts);
      return health.ailment?.reason ?? null;
    });
  }
  const counts = (mirrored: number, failed = 0, shed = 0): Partial<PolicySummary> => ({ counts: { ...SUMMARY.counts, mirrored, failed, shed } });
  const standing = (reason: string): PolicyStatus => ({ conditions: [{ type: 'Degraded', status: 'True', reason, message: 'm', lastTransitionTime: '' }] });

  it('is bad when most copies fail or are shed, and good again when they do not', () => {
    expect(after(new PolicyHealth({}), counts(0), counts(5, 20), counts(100, 21), counts(100, 21, 80), counts(200, 21, 80))).toEqual([null, 'CopiesFail', null, 'CopiesShed', null]);
  });

  it('cannot be told from few copies, and not while agents are started anew', () => {
    expect(after(new PolicyHealth({}), counts(0), counts(0, 19), counts(0, 100), counts(0, 0), counts(0, 5))).toEqual([null, null, 'CopiesFail', 'CopiesFail', 'CopiesFail']);
  });

  it('is bad when pods are not tapped for a while', () => {
    const missing = { attached: 3 };
    expect(after(new PolicyHealth({}), missing, missing, missing, {}, missing)).toEqual([null, null, 'EndpointsNotTapped', null, null]);
  });

  it('is bad when agents know better than we for a while', () => {
    const told = (reason: string): Partial<PolicySummary> => ({ conditions: [{ type: 'ResolvedRefs', status: 'False', reason, message: 'm' }] });
    expect(after(new PolicyHealth({}), told('FileUnreadable'), told('FileUnreadable'), told('FileUnreadable'))).toEqual([null, null, 'FileUnreadable']);
    expect(after(new PolicyHealth({}), told('no word'), told('no word'), told('no word'))).toEqual([null, null, 'AgentProblem']);
    expect(after(new PolicyHealth({}), told('Accepted'), told('Accepted'), told('Accepted'))).toEqual([null, null, null]);
  });

  it('is looked at once for each time that agents were asked', () => {
    const health = new PolicyHealth({});
    const same = { ...SUMMARY, attached: 0 };
    for (let look = 0; look < 10; look += 1) health.look(same, RIGHT.verdicts);
    expect(health.ailment).toBeNull();
  });

  it.each(['CopiesFail', 'CopiesShed', 'EndpointsNotTapped', 'FileUnreadable'])('goes on from what the status says: %s', (reason) => {
    expect(new PolicyHealth(standing(reason)).ailment?.reason).toBe(reason);
  });

  it('goes on as bad while copies are too few to tell, and no pod is worse than none', () => {
    expect(after(new PolicyHealth(standing('CopiesFail')), {}, {}, null)).toEqual(['CopiesFail', 'CopiesFail', null]);
    expect(after(new PolicyHealth(standing('EndpointsNotTapped')), { attached: 0 }, {})).toEqual(['EndpointsNotTapped', null]);
    expect(new PolicyHealth(standing('NoReadyEndpoints')).ailment).toBeNull();
  });
});

describe('Events', () => {
  const reasons = (before: PolicyStatus, now: PolicyStatus): string[] => eventsBetween(before, now).map(({ type, reason }) => `${type} ${reason}`);
  const refused = status({ judgement: { applied: null, verdicts: [{ type: 'Accepted', status: 'False', reason: 'Invalid', message: 'm' }] } });
  const unresolved = status({ judgement: { ...RIGHT, verdicts: [RIGHT.verdicts[0]!, { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound', message: 'm' }] } });
  const degraded = status({ ailment: { reason: 'CopiesFail', message: 'm' } });
  const worse = status({ ailment: { reason: 'CopiesShed', message: 'm' } });

  it.each<[string, PolicyStatus, PolicyStatus, string[]]>([
    ['the first word', {}, status(), ['Normal Accepted']],
    ['a first word that is bad', {}, refused, ['Warning Refused']],
    ['nothing new', status(), status({ generation: 4 }), []],
    ['a refusal', status(), refused, ['Warning Refused']],
    ['what is right again', refused, status(), ['Normal Accepted']],
    ['a missing target', status(), unresolved, ['Warning Unresolved']],
    ['a target that is there again', unresolved, status(), ['Normal Resolved']],
    ['what is wrong', status(), degraded, ['Warning Degraded']],
    ['another reason', degraded, worse, ['Warning Degraded']],
    ['the same reason', degraded, degraded, []],
    ['what is well again', worse, status(), ['Normal Recovered']],
    ['agents that are away', status(), status({ agents: [0, 5] }), []],
  ])('tell of %s', (_, before, now, wanted) => {
    expect(reasons(before, now)).toEqual(wanted);
  });
});

describe('how often is written', () => {
  it('goes by how many agents hear of it', () => {
    expect(countsEveryMs(0, 0)).toBe(10_000);
    expect(countsEveryMs(100, 100)).toBe(10_000);
    expect(countsEveryMs(500, 500)).toBe(125_000);
    expect(countsEveryMs(500, 5_000)).toBe(1_250_000);
    expect(countsEveryMs(5_000, 5_000)).toBe(1_800_000);
    expect([0, 100, 5_000, 50_000].map(writesPerSecond)).toEqual([20, 20, 4, 2]);
  });

  it('is never more than the budget, and nothing without leave', async () => {
    const beganMs = performance.now();
    const budget = new WriteBudget(100, () => true);
    for (let write = 0; write < 20; write += 1) expect(await budget.take()).toBe(true);
    // Timers may come a millisecond early.
    expect(performance.now() - beganMs).toBeGreaterThan(19 * 9);
    expect(await new WriteBudget(100, () => false).take()).toBe(false);
  });

  it('ends after a while', async () => {
    const budget = new WriteBudget(50, () => true);
    let writes = 0;
    while (await budget.take()) writes += 1;
    expect(writes).toBeGreaterThan(20);
    expect(writes).toBeLessThan(120);
    expect(budget.isSpent).toBe(true);
  });
});
