import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JudgeRules } from '../../../src/compare/judge/judge-rules.ts';
import type { Report } from '../../../src/compare/report.ts';
import { answer, Bench, RULES, target } from '../../compare/bench.ts';
import { question } from '../../compare/differ-support.ts';
import { createControllerScene, eventually, type ControllerScene } from '../../controller/scene.ts';
import { AGENTS, manifests } from '../../support/manifests.ts';
import { Running, type Finished } from '../../support/process.ts';

const SHADOWTAP = fileURLToPath(new URL('../../../bin/shadowtap', import.meta.url));

let scene: ControllerScene;
beforeEach(async () => {
  scene = await createControllerScene();
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

async function shadowtap(command: string, ...args: string[]): Promise<Finished> {
  await using running = new Running([SHADOWTAP, command, '--kubeconfig', scene.cluster.kubeconfig, ...args]);
  return await running.finished;
}

/** What an agent tells that has compared so many exchanges, of which so many differ. */
function compared(count: number, different = 0, { policy = 'shop/next', rules = {} }: { policy?: string; rules?: Partial<JudgeRules> } = {}): unknown {
  const bench = new Bench([target({ policy })]);
  for (let i = 0; i < count; i++) bench.exchange(question({ target: `/orders/${i % 10}`, key: `${i % 10}` }), answer({ price: 1 }), answer({ price: i < different ? 2 : 1 }));
  return { compare: bench.comparator.data(), rules: { [policy]: { ...RULES, ...rules } } };
}

describe('shadowtap report, in a cluster', () => {
  it('asks all agents through the API server, and judges what they have compared together', async () => {
    (await scene.startAgent('node-a')).comparison = compared(60);
    (await scene.startAgent('node-b')).comparison = compared(90, 30);
    (await scene.startAgent('node-c')).comparison = compared(5, 5, { policy: 'test/next' });
    const { code, stdout, stderr } = await shadowtap('report', '-p', 'shop/next', '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { policies } = JSON.parse(stdout) as Report;
    expect(policies.map(({ policy, verdict, counts }) => [policy, verdict, counts.compared, counts.different])).toEqual([['shop/next', 'differs', 150, 30]]);
    expect((await shadowtap('report', '-n', 'test')).stdout).toMatch(/^test\/next -> http:\/\/v2: TOO LITTLE DATA\n/);
    const unknown = await shadowtap('report', '-p', 'next');
    expect(unknown).toMatchObject({ code: 2, stderr: 'shadowtap: --policy: no agent compares by "default/next"; give namespace/name of a policy with the field compare\n' });
  });

  it('shows what the others say where one does not answer or talks nonsense, and says so', async () => {
    (await scene.startAgent('node-a')).comparison = compared(120);
    await (await scene.startAgent('node-b'))[Symbol.asyncDispose]();
    (await scene.startAgent('node-c')).comparison = { compare: '\u001b[2J' };
    const { code, stdout, stderr } = await shadowtap('report');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^shop\/next -> http:\/\/v2: LOOKS SAFE\n/);
    expect(stderr).toMatch(/^shadowtap: node-b: .+\nshadowtap: node-c: what it says cannot be read; is it of another version\?\n$/);
  });

  it('needs no more rights than the Role for people gives', async () => {
    const agent = await scene.startAgent('node-a');
    Object.assign(agent, { comparison: compared(120), insight: { observe: { endpoints: [], clients: [] } }, findings: { findings: [], totals: {} } });
    await scene.cluster.apply(...manifests('base/status-rbac'), {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { namespace: AGENTS, name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'shadowtap-status' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'shop' }],
    });
    const reader = await scene.cluster.kubeconfigOf('shop', 'reader');
    for (const [command, ...args] of [['report'], ['top'], ['findings'], ['gate', '-p', 'shop/next', '--for', '1s']] as const) {
      await using running = new Running([SHADOWTAP, command, '--kubeconfig', reader, ...args]);
      const { code, stderr } = await running.finished;
      expect({ command, code, stderr: stderr.replace(/^shadowtap: watching .*\n/, '') }).toEqual({ command, code: command === 'gate' ? 5 : 0, stderr: '' });
    }
  });

  it('goes by what most agents say that a policy allows: one alone cannot loosen it', async () => {
    (await scene.startAgent('node-a')).comparison = compared(120, 60, { rules: { maxDifferentPercent: 100 } });
    for (const node of ['node-b', 'node-c']) (await scene.startAgent(node)).comparison = compared(120);
    expect((await shadowtap('report')).stdout).toMatch(/^shop\/next -> http:\/\/v2: DIFFERS\n/);
  });
});

describe('shadowtap gate, in a cluster', () => {
  it('adds up what all agents have compared since it began', async () => {
    const [one, other] = [await scene.startAgent('node-a'), await scene.startAgent('node-b')];
    one.comparison = other.comparison = compared(70, 70);
    await using gate = new Running([SHADOWTAP, 'gate', '--kubeconfig', scene.cluster.kubeconfig, '-p', 'shop/next', '--for', '1s', '-o', 'json']);
    let said = '';
    gate.child.stderr!.on('data', (data: Buffer) => (said += data.toString()));
    await eventually(async () => expect(said).toBe('shadowtap: watching shop/next for 1s, by 2 agents\n'));
    one.comparison = other.comparison = compared(130, 70);
    const { code, stdout } = await gate.finished;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Report).policies).toMatchObject([{ verdict: 'looks safe', counts: { compared: 120, different: 0 } }]);
  });

  it('waits for a policy that agents have not heard of yet, and gives up where none does', async () => {
    const agent = await scene.startAgent('node-a');
    agent.comparison = compared(0, 0, { policy: 'shop/other' });
    const started = performance.now();
    const unknown = await shadowtap('gate', '-p', 'shop/next', '--for', '1s');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^shadowtap: --policy: no agent compares by "shop\/next"/);
    expect(performance.now() - started).toBeGreaterThan(1_000);

    const late = shadowtap('gate', '-p', 'shop/next', '--for', '5s');
    setTimeout(() => (agent.comparison = compared(0)), 1_000);
    expect((await late).code).toBe(5);
  });
});

describe('the condition Matches', () => {
  it('is what agents say of mirrors: Unknown, True, False, with an Event for each turn', async () => {
    const agents = [await scene.startAgent('node-a'), await scene.startAgent('node-b')];
    const say = (verdict: string, reason: string): void => {
      for (const [i, agent] of agents.entries()) {
        const row = { policy: 'shop/p', target: 'http://v2', compared: 200, different: 0, notCompared: 0 };
        const comparisons = [i === 0 ? { ...row, verdict, reason } : { ...row, verdict: 'looks safe', reason: '0 of 200 answers differ', compared: 100 }];
        agent.stats = { ...(agent.stats as object), comparisons };
      }
    };
    await scene.startController();
    await scene.applyService('next');
    await scene.applyPolicy('p', { compare: {} });
    await scene.applyPolicy('other');
    await scene.untilCondition('p', 'Matches=Unknown TooLittleData');
    say('looks safe', '0 of 200 answers differ');
    await scene.untilCondition('p', 'Matches=True LooksSafe');
    say('differs', '1 endpoint of 1 differs: GET /orders/{id}.');
    await scene.untilCondition('p', 'Matches=False Differs');
    expect(await scene.condition('p', 'Matches')).toMatchObject({ message: '1 endpoint of 1 differs: GET /orders/{id}.' });
    say('too little data', 'Only 3 answers have been compared');
    await scene.untilCondition('p', 'Matches=Unknown TooLittleData');
    expect((await scene.events('p')).filter((event) => /LooksSafe|Differs/.test(event))).toEqual([
      'LooksSafe: LooksSafe: 0 of 200 answers differ',
      'Differs: Differs: 1 endpoint of 1 differs: GET /orders/{id}.',
    ]);
    expect((await scene.conditions('other')).filter((condition) => condition.startsWith('Matches'))).toEqual([]);
  });
});
