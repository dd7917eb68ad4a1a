import { describe, expect, it } from 'vitest';
import { judge, type Judgement } from '../../src/kube/judge.ts';
import type { Permissions } from '../../src/kube/permissions.ts';
import { lookup, policy, service, slice } from './support/objects.ts';

const NOTHING: Permissions = { externalTargets: false, nodeFiles: false };
const KNOWN = lookup({ services: [service('shop/next')], slices: [slice('shop/a', 'next', ['10.0.0.1'])] });
const NEXT = { backendRef: { name: 'next', port: 80 } };

function judged(targets: readonly object[], permissions: Partial<Permissions> = {}): Judgement {
  return judge(policy('shop/p', { targets }), KNOWN, { ...NOTHING, ...permissions });
}

function said({ verdicts }: Judgement): string[] {
  return verdicts.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

describe('a policy', () => {
  it('that is right is accepted, with the addresses of each target', () => {
    const judgement = judged([NEXT, { url: 'http://10.0.0.9' }, NEXT], { externalTargets: true });
    expect(said(judgement)).toEqual(['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs']);
    const there = [{ host: '10.0.0.1', port: 8080 }];
    expect(judgement.applied?.addresses).toEqual([there, [], there]);
  });

  it('that only observes is accepted, and has no targets to look for', () => {
    const judgement = judge(policy('shop/p', { observe: true, targets: [] }), KNOWN, NOTHING);
    expect(said(judgement)).toEqual(['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs']);
    expect([judgement.verdicts[1]?.message, judgement.applied?.addresses]).toEqual(['there are no targets', []]);
  });

  it('that cannot be read is refused, and the first thing that is wrong is named', () => {
    const { applied, verdicts } = judge(policy('shop/p', { selector: {}, targets: [{ backendRef: { name: 'next', port: 0 } }], ordering: 'Some' }), KNOWN, NOTHING);
    expect(applied).toBeNull();
    expect(verdicts).toMatchObject([{ type: 'Accepted', status: 'False', reason: 'Invalid' }]);
    expect(verdicts[0]?.message).toMatch(/^spec\.(targets\[0\]\.backendRef\.port|ordering): .* \(and 1 more\)$/);
  });

  it('is applied though one of its targets is not there, and each such target is told', () => {
    const judgement = judged([NEXT, { backendRef: { name: 'gone', port: 80 } }, { backendRef: { name: 'next', port: 81 } }]);
    expect(said(judgement)).toEqual(['Accepted=True Accepted', 'ResolvedRefs=False BackendNotFound']);
    expect(judgement.verdicts[1]?.message).toBe('there is no Service shop/gone; Service shop/next has no TCP port 81; it has 80');
    expect(judgement.applied?.addresses.map((addresses) => addresses.length)).toEqual([1, 0, 0]);
  });
});

describe('what the administrator has not allowed', () => {
  const tls = { caFile: '/etc/ca.pem' };

  it.each([
    ['an address outside', [{ url: 'http://example.com' }], 'externalTargets', 'spec.targets[0].url'],
    ['files on the node', [NEXT, { file: { path: '/var/lib/shadowtap/requests.jsonl' } }], 'nodeFiles', 'spec.targets[1].file'],
    ['PEM files on the node', [{ ...NEXT, tls }], 'nodeFiles', 'spec.targets[0].tls'],
  ] as const)('is refused as a whole: %s', (_what, targets, permission, place) => {
    const judgement = judged(targets);
    expect(judgement.applied, JSON.stringify(judgement.verdicts)).toBeNull();
    expect(said(judgement)).toEqual(['Accepted=False NotPermitted']);
    expect(judgement.verdicts[0]?.message).toMatch(new RegExp(`^${place.replace(/[[\]]/g, '\\$&')}: .*(allowExternalTargets|allowNodeFiles)`));
    expect(judged(targets, { [permission]: true }).applied).not.toBeNull();
    const others = { externalTargets: permission !== 'externalTargets', nodeFiles: permission !== 'nodeFiles' };
    expect(judged(targets, others).applied).toBeNull();
  });

  it('does not concern TLS without files', () => {
    expect(judged([{ ...NEXT, tls: { serverName: 'next.example' } }]).applied).not.toBeNull();
  });
});
