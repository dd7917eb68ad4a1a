import { describe, expect, it } from 'vitest';
import { isRefusal, resolveBackend, type BackendRef, type ServiceLookup } from '../../src/kube/backend.ts';
import type { Permissions } from '../../src/kube/permissions.ts';
import { grant, lookup, service, slice } from './support/objects.ts';

const NOTHING: Permissions = { externalTargets: false, nodeFiles: false };
const POLICIES_OF_SHOP = { group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: 'shop' };
const ALL_SERVICES = { group: '', kind: 'Service' };

function ref(name: string, port = 80, namespace?: string): BackendRef {
  return { group: '', kind: 'Service', name, port, ...(namespace !== undefined && { namespace }) };
}

/** `host:port` of each address, or the reason of the refusal. */
function resolve(to: BackendRef, known: ServiceLookup, permissions = NOTHING): string[] | string {
  const found = resolveBackend('shop', to, known, permissions);
  return isRefusal(found) ? found.reason : found.map(({ host, port }) => `${host} ${port}`);
}

describe('the endpoints of a Service', () => {
  it('are those of all its slices, in the port that the Service maps to', () => {
    const services = [service('shop/next', { ports: [{ name: 'http', port: 80, targetPort: 'web' }, { name: 'admin', port: 81, targetPort: 9000 }] })];
    const ports = [{ name: 'http', port: 8080 }, { name: 'admin', port: 9000 }];
    const slices = [slice('shop/next-b', 'next', ['10.0.0.3'], { ports }), slice('shop/next-a', 'next', ['10.0.0.2', '10.0.0.1'], { ports })];
    const known = lookup({ services, slices });
    expect(resolve(ref('next'), known)).toEqual(['10.0.0.1 8080', '10.0.0.2 8080', '10.0.0.3 8080']);
    expect(resolve(ref('next', 81), known)).toEqual(['10.0.0.1 9000', '10.0.0.2 9000', '10.0.0.3 9000']);
  });

  it('may listen on different ports where the Service names the port of the pods', () => {
    const slices = [slice('shop/a', 'next', ['10.0.0.1']), slice('shop/b', 'next', ['10.0.0.2'], { ports: [{ name: 'http', port: 9090 }] })];
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')], slices }))).toEqual(['10.0.0.1 8080', '10.0.0.2 9090']);
  });

  it('are not those of another Service or namespace', () => {
    const slices = [slice('shop/a', 'other', ['10.0.0.1']), slice('stock/b', 'next', ['10.0.0.2'])];
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')], slices }))).toEqual([]);
  });

  it('count once while they move from one slice to another', () => {
    const slices = [slice('shop/a', 'next', ['10.0.0.1', '10.0.0.2']), slice('shop/b', 'next', ['10.0.0.2'])];
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')], slices }))).toEqual(['10.0.0.1 8080', '10.0.0.2 8080']);
  });

  it('are of one family, since a dual-stack Service has every pod in both: IPv4 where there is one', () => {
    const six = slice('shop/b', 'next', ['fd00::1'], { addressType: 'IPv6' });
    const services = [service('shop/next')];
    expect(resolve(ref('next'), lookup({ services, slices: [six, slice('shop/a', 'next', ['10.0.0.1'])] }))).toEqual(['10.0.0.1 8080']);
    expect(resolve(ref('next'), lookup({ services, slices: [six, slice('shop/a', 'next', [])] }))).toEqual(['fd00::1 8080']);
  });

  it('are none where no pod is ready, which is no refusal', () => {
    const endpoints = [{ addresses: ['10.0.0.1'], conditions: { ready: false } }];
    const slices = [slice('shop/a', 'next', [], { endpoints })];
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')], slices }))).toEqual([]);
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')] }))).toEqual([]);
  });

  it('of a headless Service, and of one with a port without a name, are found alike', () => {
    const services = [service('shop/next', { clusterIP: 'None', ports: [{ port: 80 }] })];
    expect(resolve(ref('next'), lookup({ services, slices: [slice('shop/a', 'next', ['10.0.0.1'], { ports: [{ port: 8080 }] })] }))).toEqual(['10.0.0.1 8080']);
  });
});

describe('a reference is refused', () => {
  const refusal = (to: BackendRef, known: ServiceLookup): string => {
    const found = resolveBackend('shop', to, known, NOTHING);
    return isRefusal(found) ? `${found.reason}: ${found.message}` : 'not refused';
  };

  it('where there is no such Service', () => {
    expect(refusal(ref('next'), lookup({ services: [service('stock/next')] }))).toBe('BackendNotFound: there is no Service shop/next');
  });

  it('where the Service has no such TCP port, and says which it has', () => {
    const services = [service('shop/next', { ports: [{ port: 53, protocol: 'UDP' }, { port: 81 }, { port: 82 }] })];
    expect(refusal(ref('next', 53), lookup({ services }))).toBe('PortNotFound: Service shop/next has no TCP port 53; it has 81, 82');
    expect(refusal(ref('next'), lookup({ services: [service('shop/next', { ports: [] })] }))).toContain('it has none');
  });

  it('to a Service of type ExternalName, whatever is allowed', () => {
    const services = [service('shop/next', { type: 'ExternalName', externalName: 'example.com' })];
    expect(refusal(ref('next'), lookup({ services }))).toContain('UnsupportedService: Service shop/next is of type ExternalName');
    expect(resolve(ref('next'), lookup({ services }), { externalTargets: true, nodeFiles: true })).toBe('UnsupportedService');
  });

  it('to a Service without selector, unless targets outside the cluster are allowed', () => {
    const known = lookup({ services: [service('shop/next', { selector: {} })], slices: [slice('shop/a', 'next', ['192.0.2.1'])] });
    expect(refusal(ref('next'), known)).toContain('UnsupportedService: Service shop/next has no selector');
    expect(resolve(ref('next'), known, { externalTargets: true, nodeFiles: false })).toEqual(['192.0.2.1 8080']);
  });

  it.each([
    '127.0.0.1', '127.8.8.8', '0.0.0.0', '0.1.2.3', '169.254.169.254', '224.0.0.1', '240.0.0.1', '255.255.255.255',
    '168.63.129.16', '::', '::1', 'fe80::1', 'febf::1', 'ff02::1', 'fd00:ec2::254', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe',
  ])('to a Service of which a slice names %s, whatever is allowed: somebody listens there who trusts the node', (address) => {
    const family = address.includes(':') ? { addressType: 'IPv6' } : {};
    const slices = [slice('shop/a', 'next', ['10.0.0.1']), slice('shop/b', 'next', [address], family)];
    const known = lookup({ services: [service('shop/next')], slices });
    expect(refusal(ref('next'), known)).toBe(`UnsupportedService: an EndpointSlice of Service shop/next names ${address}, where no pod can be`);
    expect(resolve(ref('next'), known, { externalTargets: true, nodeFiles: true })).toBe('UnsupportedService');
  });

  it.each(['10.0.0.1', '100.64.0.1', '172.16.0.1', '192.168.0.1', '223.255.255.255', 'fd00::1', '2001:db8::1', 'fec0::1'])('not to one whose slice names %s', (address) => {
    const slices = [slice('shop/a', 'next', [address], address.includes(':') ? { addressType: 'IPv6' } : {})];
    expect(resolve(ref('next'), lookup({ services: [service('shop/next')], slices }))).toEqual([`${address} 8080`]);
  });
});

describe('a reference to another namespace', () => {
  const services = [service('stock/next'), service('stock/other'), service('shop/next')];
  const slices = [slice('stock/a', 'next', ['10.0.0.1']), slice('stock/b', 'other', ['10.0.0.2'])];
  const granted = (name: string, ...grants: ReturnType<typeof grant>[]): string[] | string =>
    resolve(ref(name, 80, 'stock'), lookup({ services, slices, grants }));

  it('needs a grant there, and tells no more than that', () => {
    expect(granted('next')).toBe('RefNotPermitted');
    expect(granted('missing')).toBe('RefNotPermitted');
  });

  it('is allowed by a grant for all Services, or for that one by its name', () => {
    expect(granted('next', grant('stock/g', [POLICIES_OF_SHOP], [ALL_SERVICES]))).toEqual(['10.0.0.1 8080']);
    const byName = grant('stock/g', [POLICIES_OF_SHOP], [{ ...ALL_SERVICES, name: 'next' }]);
    expect([granted('next', byName), granted('other', byName)]).toEqual([['10.0.0.1 8080'], 'RefNotPermitted']);
  });

  it.each([
    ['is in another namespace than the Service', grant('shop/g', [POLICIES_OF_SHOP], [ALL_SERVICES])],
    ['is for another namespace', grant('stock/g', [{ ...POLICIES_OF_SHOP, namespace: 'web' }], [ALL_SERVICES])],
    ['is for routes', grant('stock/g', [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }], [ALL_SERVICES])],
    ['is for a kind of the same name in another group', grant('stock/g', [{ ...POLICIES_OF_SHOP, group: 'example.com' }], [ALL_SERVICES])],
    ['is for Secrets', grant('stock/g', [POLICIES_OF_SHOP], [{ group: '', kind: 'Secret' }])],
    ['is for Services of another group', grant('stock/g', [POLICIES_OF_SHOP], [{ group: 'serving.knative.dev', kind: 'Service' }])],
    ['names nobody', grant('stock/g', [], [ALL_SERVICES])],
    ['names nothing', grant('stock/g', [POLICIES_OF_SHOP], [])],
  ])('is not allowed by a grant that %s', (_why, one) => {
    expect(granted('next', one)).toBe('RefNotPermitted');
  });

  it('does not get its parts from two grants', () => {
    expect(granted('next', grant('stock/g', [POLICIES_OF_SHOP], []), grant('stock/h', [], [ALL_SERVICES]))).toBe('RefNotPermitted');
  });

  it('that names its own namespace needs none', () => {
    expect(resolve(ref('next', 80, 'shop'), lookup({ services }))).toEqual([]);
  });
});
