import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FindingEvents } from '../../src/controller/finding-events.ts';
import type { PolicyEvent } from '../../src/controller/event-writer.ts';
import type { PolicyObject } from '../../src/controller/policy-object.ts';
import type { Finding } from '../../src/findings/data.ts';
import { agentReport } from '../../src/kube/agent-report.ts';
import { findingsReport } from '../../src/kube/findings-report.ts';
import { agentStats } from '../support/agent-stats.ts';
import { createControllerScene, eventually, NAMESPACE, type ControllerScene } from './scene.ts';

const POLICY = `${NAMESPACE}/p`;

function finding(more: Partial<Finding> = {}): Finding {
  const nowMs = Date.now();
  return { rule: 'path-scan', severity: 'medium', endpoint: 'shop/pod-a', source: '10.0.0.9', method: '', template: '', evidence: '60 of 60 answers denied', firstMs: nowMs, lastMs: nowMs, count: 36, ...more };
}

function findings(...list: readonly Finding[]): object {
  return { findings: list, totals: Object.fromEntries(list.map(({ rule, count }) => [rule, count])), unlisted: 0 };
}

/** An agent that selects pods by policy p. */
function tapping(node: string, ...pods: readonly string[]): ReturnType<typeof agentStats> {
  return agentStats(node, [{ policy: POLICY, pods: Object.fromEntries(pods.map((pod) => [pod, ''])) }]);
}

describe('Events about findings', () => {
  let scene: ControllerScene;
  beforeEach(async () => {
    scene = await createControllerScene();
    await scene.applyService('next');
  });
  afterEach(async () => {
    await scene[Symbol.asyncDispose]();
  });

  it('tell of each rule and pod once, whatever number of clients, looks and controllers', async () => {
    await scene.applyPolicy('p', { observe: true });
    const agent = await scene.startAgent('node-a', tapping('node-a', 'shop/pod-a'));
    agent.findings = findings(finding(), finding({ source: '10.0.0.8', count: 4, lastMs: Date.now() - 5_000 }), finding({ rule: 'secret-in-url', evidence: 'parameter token in the query', count: 1 }), finding({ rule: 'sensitive-file' }));
    const first = await scene.startController();
    const told = async (): Promise<string[]> => (await scene.events('p')).filter((event) => event.includes('docs/findings.md')).sort();
    const expected = [
      'PathScan: pod pod-a: one client asks for many different paths, and is mostly told that they are not there or not for it; 40 times so far, last from 10.0.0.9 and others: 60 of 60 answers denied; see docs/findings.md#path-scan',
      'SecretInUrl: pod pod-a: a secret in a URL, from where it gets into logs and histories; once so far, last from 10.0.0.9: parameter token in the query; see docs/findings.md#secret-in-url',
    ];
    await eventually(async () => expect(await told()).toEqual(expected));
    await first.stop();
    const asked = agent.askedForFindings;
    await scene.startController({ identity: 'two' });
    await eventually(async () => expect(agent.askedForFindings).toBeGreaterThan(asked + 3));
    expect(await told()).toEqual(expected);
    expect(scene.denials()).toEqual([]);
  });

  it('are not asked for where no policy observes', async () => {
    await scene.applyPolicy('p');
    const agent = await scene.startAgent('node-a', tapping('node-a', 'shop/pod-a'));
    agent.findings = findings(finding());
    await scene.startController();
    await eventually(async () => expect(agent.asked).toBeGreaterThan(4));
    await sleep(200);
    expect(agent.askedForFindings).toBe(0);
  });
});

describe('an agent that has been taken over', () => {
  const observing = { facts: { namespace: NAMESPACE, name: 'p', uid: 'u', generation: 1, checked: { value: { spec: { observe: true } } } } } as unknown as PolicyObject;
  const mirroring = { facts: { namespace: NAMESPACE, name: 'q', uid: 'v', generation: 1, checked: { value: { spec: { observe: false } } } } } as unknown as PolicyObject;
  const policies = new Map([[POLICY, observing], [`${NAMESPACE}/q`, mirroring]]);
  const always = { take: async () => true };

  async function eventsOf(report: unknown, stats: unknown = tapping('node-a', 'shop/pod-a')): Promise<PolicyEvent[]> {
    const events: PolicyEvent[] = [];
    const writer = new FindingEvents({ write: async (_, event) => events.push(event) > 0 });
    writer.heard(agentReport(stats)!, report, policies);
    expect(await writer.write(always)).toBe(events.length);
    return events;
  }

  it('is believed for pods that an observing policy selects in its own namespace, and rules that there are', async () => {
    const elsewhere = agentStats('node-a', [{ policy: POLICY, pods: { 'shop/pod-a': '', 'kube-system/dns': '' } }, { policy: `${NAMESPACE}/q`, pods: { 'shop/pod-q': '' } }]);
    const report = findings(
      finding({ endpoint: 'kube-system/dns' }),
      finding({ endpoint: 'shop/other' }),
      finding({ endpoint: 'shop/pod-q' }),
      finding({ rule: 'you-are-hacked', severity: 'high' }),
      finding({ lastMs: Date.now() - 3_600_000 }),
      finding({ rule: 'fuzzing' }),
    );
    expect((await eventsOf(report, elsewhere)).map(({ reason, pod }) => `${reason} ${pod}`)).toEqual(['Fuzzing pod-a']);
  });

  it('causes few Events of each policy', async () => {
    const pods = Array.from({ length: 500 }, (_, i) => `shop/pod-${i}`);
    expect(await eventsOf(findings(...pods.map((endpoint) => finding({ endpoint }))), tapping('node-a', ...pods))).toHaveLength(20);
  });

  it('says nothing that a terminal would obey, nor more than fits', async () => {
    const [event] = await eventsOf(findings(finding({ evidence: `\x1b[2J${'é'.repeat(500)}`, source: '\n10.0.0.1' })));
    expect(event!.note).toMatch(/^[\x20-\x7e]+$/);
    expect(event!.note.length).toBeLessThan(600);
  });

  it.each([[null], ['x'], [{}], [{ findings: 3, totals: {} }], [{ findings: [null, 7, {}], totals: { a: -1, b: 'c', __proto__: 3 }, unlisted: Number.NaN }]])('may say %j', async (value) => {
    expect(await eventsOf(value)).toEqual([]);
    for (const { count, firstMs } of findingsReport(value)?.findings ?? []) expect([count, firstMs]).toEqual([0, 0]);
  });
});
