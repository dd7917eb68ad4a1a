import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PodFacts } from '../../src/kube/objects.ts';
import { podFacts } from '../../src/kube/pod-facts.ts';
import { podPlace } from '../../src/kube/pod-location.ts';

const UID = '0b5e7c2a-93d1-4c5f-8a6e-1f2d3c4b5a69';
const HASH = 'a5363f4f31e043bdae3c93aca4991903';

type Fields = Readonly<Record<string, unknown>>;

interface PodParts {
  readonly metadata?: Fields;
  readonly spec?: Fields;
  readonly status?: Fields;
}

function pod({ metadata, spec, status }: PodParts = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name: 'checkout-7d9', uid: UID, ...metadata },
    spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }], ...spec },
    status: { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }], ...status },
  };
}

function facts(parts: PodParts = {}): PodFacts {
  const found = podFacts(pod(parts));
  if (found === null) throw new Error('no facts were found');
  return found;
}

const PROXY = { name: 'istio-proxy', ports: [{ name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' }] };
const APP = { name: 'app', ports: [{ containerPort: 8080 }] };

describe('the facts of a pod', () => {
  it('are its names, labels, our annotations, addresses and ports', () => {
    const labels = { app: 'checkout', 'pod-template-hash': '7d9' };
    const annotations = { 'shadowtap.dev/mirror-port': '80', 'kubectl.kubernetes.io/restartedAt': 'today' };
    expect(facts({ metadata: { labels, annotations } })).toEqual({
      namespace: 'shop',
      name: 'checkout-7d9',
      uid: UID,
      cgroupUid: UID,
      labels,
      annotations: { 'shadowtap.dev/mirror-port': '80' },
      addresses: ['10.0.0.7'],
      hostNetwork: false,
      ports: [{ name: 'http', port: 8080 }],
      meshed: false,
    });
  });

  it('take in the ports of sidecar containers and not of init containers, TCP and no other', () => {
    const containers = [
      { name: 'app', ports: [{ containerPort: 8080, name: 'http' }, { containerPort: 53, protocol: 'UDP' }, { containerPort: 9, protocol: 'SCTP' }] },
      { name: 'metrics', ports: [{ containerPort: 9090, name: 'metrics', protocol: 'TCP' }, { containerPort: 8080, name: 'http' }] },
      { name: 'silent' },
    ];
    const initContainers = [
      { name: 'migrate', ports: [{ containerPort: 7000 }] },
      { name: 'cache', restartPolicy: 'Always', ports: [{ containerPort: 6379, name: 'redis' }] },
    ];
    expect(facts({ spec: { containers, initContainers } }).ports).toEqual([
      { name: 'http', port: 8080 },
      { name: 'metrics', port: 9090 },
      { name: 'redis', port: 6379 },
    ]);
  });

  it('have addresses of both families in one form, and the older field where the newer is missing', () => {
    const podIPs = [{ ip: '10.0.0.7' }, { ip: 'FD00:0:0:0:0:0:0:7' }, { ip: '10.0.0.7' }];
    expect(facts({ status: { podIPs } }).addresses).toEqual(['10.0.0.7', 'fd00::7']);
    expect(facts({ status: { podIPs: undefined, podIP: 'fd00::0:8' } }).addresses).toEqual(['fd00::8']);
    expect(facts({ status: { podIPs: [], podIP: undefined } }).addresses).toEqual([]);
    expect(facts({ status: { podIPs: [{ ip: 'fe80::1%eth0' }, { ip: '1.2.3' }, {}, 7] } }).addresses).toEqual([]);
  });

  it('name the cgroup of a static pod by the hash of its manifest', () => {
    const annotations = { 'kubernetes.io/config.hash': HASH, 'kubernetes.io/config.mirror': HASH, 'kubernetes.io/config.source': 'file' };
    expect(facts({ metadata: { annotations } })).toMatchObject({ uid: UID, cgroupUid: HASH });
  });

  it.each<[string, Record<string, string>]>([
    ['without the mirror', { 'kubernetes.io/config.hash': HASH }],
    ['with another mirror', { 'kubernetes.io/config.hash': HASH, 'kubernetes.io/config.mirror': 'x' }],
    ['with another pod’s uid', { 'kubernetes.io/config.hash': '11111111-2222-3333-4444-555555555555', 'kubernetes.io/config.mirror': '11111111-2222-3333-4444-555555555555' }],
  ])('let nobody point at another pod’s cgroup by annotations %s', (_what, annotations) => {
    expect(facts({ metadata: { annotations } }).cgroupUid).toBe(UID);
  });

  it('are none of pods that have ended, or that are not pods', () => {
    expect(podFacts(pod({ status: { phase: 'Succeeded' } }))).toBeNull();
    expect(podFacts(pod({ status: { phase: 'Failed' } }))).toBeNull();
    expect(podFacts(pod({ status: { phase: 'Pending' } }))).not.toBeNull();
    expect(podFacts({ ...pod(), status: undefined })).toMatchObject({ name: 'checkout-7d9', addresses: [] });
    for (const value of [null, undefined, 7, 'pod', [], {}, { metadata: {} }, { metadata: null, spec: {} }]) expect(podFacts(value)).toBeNull();
    for (const field of ['namespace', 'name', 'uid']) {
      for (const value of [undefined, '', 7, {}, 'x'.repeat(254)]) expect(podFacts(pod({ metadata: { [field]: value } }))).toBeNull();
    }
  });

  it('leave out what has another shape than the API gives it', () => {
    const metadata = { labels: { a: 'b', c: 7, d: null }, annotations: ['x'] };
    const containers = [null, 'app', { ports: 'http' }, { ports: [null, 8080, { containerPort: '8080' }, { containerPort: 0 }, { containerPort: 70_000 }, { containerPort: 80.5 }, { containerPort: 81, name: {} }] }];
    expect(facts({ metadata, spec: { containers, hostNetwork: 'true' } })).toMatchObject({
      labels: { a: 'b' }, annotations: {}, ports: [{ name: '', port: 81 }], hostNetwork: false,
    });
    expect(podFacts(JSON.parse(`{"metadata":{"namespace":"a","name":"b","uid":"c","labels":{"__proto__":"x"}},"spec":{}}`))!.labels).toEqual(
      Object.fromEntries([['__proto__', 'x']]),
    );
  });

  it('are bounded and never fail, whatever the object', () => {
    const key = fc.constantFrom('metadata', 'spec', 'status', 'namespace', 'name', 'uid', 'labels', 'annotations', 'containers', 'initContainers', 'ports', 'containerPort', 'podIPs', 'ip', 'phase', 'hostNetwork', '__proto__');
    const tree = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 6 }, fc.constantFrom(UID, 'shop', 8080, true, null, 'Always', '10.0.0.1'), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(key, tie('value'), { maxKeys: 5 })),
    })).value;
    const parts = fc.record({ metadata: fc.dictionary(key, tree), spec: fc.dictionary(key, tree), status: fc.dictionary(key, tree) });
    const check = (object: unknown): void => {
      const found = podFacts(object);
      if (found === null) return;
      expect(found.addresses.length).toBeLessThanOrEqual(16);
      expect(found.ports.every(({ name, port }) => typeof name === 'string' && port >= 1 && port <= 65_535)).toBe(true);
      podPlace(found);
    };
    fc.assert(fc.property(tree, check), { interruptAfterTimeLimit: 2000 });
    fc.assert(fc.property(parts, (object) => check(pod(object))), { interruptAfterTimeLimit: 2000 });
    const many = Array.from({ length: 5000 }, (_, i) => ({ containerPort: i + 1 }));
    expect(facts({ spec: { containers: [{ ports: many }] } }).ports.length).toBeLessThanOrEqual(256);
  });
});

describe('a pod behind a mesh’s proxy', () => {
  it.each<[string, PodParts]>([
    ['Istio’s', { spec: { containers: [APP, PROXY] } }],
    ['Istio’s as a native sidecar', { spec: { containers: [APP], initContainers: [{ ...PROXY, restartPolicy: 'Always' }] } }],
    ['Istio’s under another name', { metadata: { annotations: { 'sidecar.istio.io/status': '{"containers":["proxy"]}' } } }],
    ['Istio’s ambient mode', { metadata: { annotations: { 'ambient.istio.io/redirection': 'enabled' } } }],
    ['Linkerd’s', { spec: { containers: [{ name: 'linkerd-proxy' }, APP] } }],
    ['Kuma’s', { spec: { containers: [APP, { name: 'kuma-sidecar' }] } }],
    ['Consul’s', { spec: { containers: [APP, { name: 'consul-dataplane' }] } }],
  ])('is recognised: %s', (_what, parts) => {
    expect(facts(parts).meshed).toBe(true);
    expect(podPlace(facts(parts))).toEqual({ cgroupUid: UID, interfaces: ['lo'] });
  });

  it.each<[string, PodParts]>([
    ['a gateway, which is a proxy alone', { spec: { containers: [PROXY] }, metadata: { annotations: { 'sidecar.istio.io/status': '{}' } } }],
    ['a proxy that takes in nothing', { spec: { containers: [APP, PROXY] }, metadata: { annotations: { 'sidecar.istio.io/interceptionMode': 'NONE' } } }],
    ['an init container that only sets up the redirection', { spec: { containers: [APP], initContainers: [{ name: 'istio-proxy' }] } }],
    ['no proxy', {}],
  ])('is not taken for one: %s', (_what, parts) => {
    expect(facts(parts).meshed).toBe(false);
    expect(podPlace(facts(parts))).toEqual({ cgroupUid: UID });
  });

  it('has the app’s ports and not the proxy’s own', () => {
    expect(facts({ spec: { containers: [APP, PROXY] } }).ports).toEqual([{ name: '', port: 8080 }]);
    expect(facts({ spec: { containers: [PROXY] } }).ports).toEqual([{ name: 'http-envoy-prom', port: 15_090 }]);
  });
});

describe('the place of a pod', () => {
  it('has the interfaces that the pod’s annotation names', () => {
    const annotated = (value: string): PodParts => ({ metadata: { annotations: { 'shadowtap.dev/interfaces': value } }, spec: { containers: [APP, PROXY] } });
    expect(podPlace(facts(annotated('eth0, lo'))).interfaces).toEqual(['eth0', 'lo']);
    expect(podPlace(facts(annotated(' , '))).interfaces).toEqual(['lo']);
    expect(podPlace(facts(annotated('a,'.repeat(100)))).interfaces).toHaveLength(16);
  });

  it('has the node’s addresses where the pod shares the node’s network, whatever else it says', () => {
    const parts = { spec: { hostNetwork: true, containers: [APP, PROXY] }, metadata: { annotations: { 'shadowtap.dev/interfaces': 'eth0' } } };
    expect(podPlace(facts(parts))).toEqual({ cgroupUid: UID, nodeAddresses: ['10.0.0.7'] });
  });
});
