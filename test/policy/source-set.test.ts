import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { parseCidr } from '../../src/policy/cidr.ts';
import { SourceSet } from '../../src/policy/source-set.ts';
import type { SnapshotPeer } from '../../src/policy/snapshot.ts';
import { policyDocument, policy } from './support.ts';
import { validatePolicy } from '../../src/policy/validate.ts';

const PEERS: readonly SnapshotPeer[] = [
  { addresses: ['10.1.0.1', 'fd00::1'], labels: { app: 'web' }, namespace: 'shop', namespaceLabels: { team: 'red' } },
  { addresses: ['10.1.0.2'], labels: { app: 'batch' }, namespace: 'shop', namespaceLabels: { team: 'red' } },
  { addresses: ['10.1.0.3'], labels: { app: 'web' }, namespace: 'lab', namespaceLabels: { team: 'blue' } },
];

function sources(from: unknown[], namespace = 'shop'): SourceSet | null {
  const { value } = validatePolicy({ ...policyDocument({ from }), metadata: { name: 'p', namespace } });
  if (value === null) throw new Error('a bad policy');
  return SourceSet.of(value, PEERS);
}

function known(from: unknown[], namespace?: string): string[] {
  const set = sources(from, namespace);
  return ['10.1.0.1', 'fd00::1', '10.1.0.2', '10.1.0.3', '10.9.9.9'].filter((address) => set!.has(address));
}

describe('from', () => {
  it('takes every source where it names none', () => {
    expect(sources([])).toBeNull();
  });

  it.each<[unknown[], string[]]>([
    [[{ podSelector: { matchLabels: { app: 'web' } } }], ['10.1.0.1', 'fd00::1']],
    [[{ podSelector: {} }], ['10.1.0.1', 'fd00::1', '10.1.0.2']],
    [[{ namespaceSelector: {} }], ['10.1.0.1', 'fd00::1', '10.1.0.2', '10.1.0.3']],
    [[{ namespaceSelector: { matchLabels: { team: 'blue' } } }], ['10.1.0.3']],
    [[{ namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } }], ['10.1.0.1', 'fd00::1', '10.1.0.3']],
    [[{ podSelector: { matchLabels: { app: 'none' } } }], []],
    [[{ podSelector: { matchLabels: { app: 'batch' } } }, { ipBlock: { cidr: '10.9.0.0/16' } }], ['10.1.0.2', '10.9.9.9']],
  ])('takes pods as a NetworkPolicy of the namespace shop does: %j', (from, expected) => {
    expect(known(from)).toEqual(expected);
  });

  it('takes pods without namespaceSelector from the namespace of the policy only', () => {
    expect(known([{ podSelector: {} }], 'lab')).toEqual(['10.1.0.3']);
  });

  it.each<[Record<string, unknown>, string, boolean]>([
    [{ cidr: '10.0.0.0/8' }, '10.255.0.1', true],
    [{ cidr: '10.0.0.0/8' }, '11.0.0.1', false],
    [{ cidr: '10.1.2.3/8' }, '10.9.9.9', true],
    [{ cidr: '10.0.0.7/32' }, '10.0.0.7', true],
    [{ cidr: '10.0.0.7/32' }, '10.0.0.8', false],
    [{ cidr: '0.0.0.0/0' }, '192.0.2.1', true],
    [{ cidr: '0.0.0.0/0' }, '2001:db8::1', false],
    [{ cidr: '::/0' }, '2001:db8::1', true],
    [{ cidr: '::/0' }, '192.0.2.1', false],
    [{ cidr: 'fd00::/8' }, 'fd12::1', true],
    [{ cidr: 'FD00::/8' }, 'fe80::1', false],
    [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] }, '10.2.0.1', false],
    [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] }, '10.3.0.1', true],
    [{ cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] }, '2001:db8:1::9', false],
    [{ cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] }, '2001:db8:2::9', true],
  ])('with ipBlock %j takes %s: %s', (ipBlock, address, expected) => {
    const set = sources([{ ipBlock }])!;
    expect(set.has(address)).toBe(expected);
    expect(set.has(address), 'the second time').toBe(expected);
  });

  it('stays right when more clients come than it remembers', () => {
    const set = sources([{ ipBlock: { cidr: '10.0.0.0/17' } }])!;
    for (let i = 0; i < 65_536; i++) {
      const address = `10.0.${i >> 8}.${i & 255}`;
      if (set.has(address) !== i < 32_768) expect.fail(address);
    }
  });
});

describe('the peers of a snapshot', () => {
  it('are the endpoints that have addresses, in the namespace of their name, with addresses as flows have them', () => {
    const addresses = ['FD00:0::0001', '::ffff:10.0.0.1', '10.0.0.2'];
    const endpoints = [
      { id: 1, name: 'shop/web-1', labels: { app: 'web' }, ports: [80], addresses },
      { id: 2, name: 'plain', labels: {}, ports: [80], addresses: ['10.0.0.3'] },
      { id: 3, name: 'shop/nowhere', labels: {}, ports: [80] },
    ];
    expect(buildSnapshot(1, [policy()], endpoints).peers).toEqual([
      { addresses: ['fd00::1', '10.0.0.1', '10.0.0.2'], labels: { app: 'web' }, namespace: 'shop', namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      { addresses: ['10.0.0.3'], labels: {}, namespace: 'default', namespaceLabels: { 'kubernetes.io/metadata.name': 'default' } },
    ]);
  });
});

describe('a block of addresses', () => {
  it.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0/8', '10.0.0.0/', '/8', '10.0.0.0/8/8', '10.0.0.0/-1', 'fe80::1%eth0/64', '', 'x/8'])(
    'is not: %s',
    (text) => {
      expect(parseCidr(text)).toBeNull();
    },
  );
});
