import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent, type Assignment } from '../../src/agent.ts';
import { loadConfig, type AgentConfig } from '../../src/config.ts';
import { policyOf } from '../../src/kube/policy-document.ts';
import { policyObject } from '../kube/support/objects.ts';
import { requireKernel } from '../support/kernel.ts';

function configOf(spec: object): AgentConfig {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'shadowtap-'));
  const file = join(folder.path, 'agent.yaml');
  writeFileSync(file, JSON.stringify({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'Agent', spec }));
  return loadConfig(file);
}

function agentWith(clockSkewMs: number): Agent {
  const cluster = { places: {}, stats: () => ({ node: 'node-a', synced: true, clockSkewMs, watches: [], policies: [] }) };
  return new Agent(configOf({ admin: 'off', logLevel: 'silent', kubernetes: {} }), { cluster });
}

describe.skipIf(!requireKernel())('an agent whose clock is wrong', () => {
  it.each([
    ['behind', 3_600_000, []],
    ['ahead', -3_600_000, ['past', 'soon']],
    ['right', 0, ['soon']],
  ])('ends policies by the clock of the API server: %s', async (_how, clockSkewMs, inForce) => {
    const agent = agentWith(clockSkewMs);
    await agent.start();
    const names: string[] = [];
    const policies = [['past', -60_000], ['soon', 60_000]].map(([name, ms]) =>
      policyOf(policyObject(`shop/${name}`, { expiresAt: new Date(Date.now() + Number(ms)).toISOString() })).value!);
    await agent.follow({ endpoints: [], policies, pemFiles: {}, peers: [], addressesOf: ({ metadata }) => (names.push(metadata.name), []) });
    expect(names).toEqual(inForce);
    await agent.stop();
  });
});

describe.skipIf(!requireKernel())('an agent that is told much at once', () => {
  it('takes over the last of what it hears while a change is under way, not each', async () => {
    const agent = agentWith(0);
    await agent.start();
    const snapshots: string[] = [];
    const assignment = (name: string): Assignment => {
      const policies = [policyOf(policyObject(`shop/${name}`)).value!];
      return { endpoints: [], policies, pemFiles: {}, peers: [], addressesOf: () => (snapshots.push(name), []) };
    };
    const first = agent.follow(assignment('first'));
    await Promise.resolve();
    await Promise.all([first, ...Array.from({ length: 100 }, (_, i) => agent.follow(assignment(`${i}`)))]);
    expect(snapshots).toEqual(['first', '99']);
    await agent.follow(assignment('last'));
    expect(snapshots.at(-1)).toBe('last');
    await agent.stop();
  });
});
