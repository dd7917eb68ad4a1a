import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planNode, type NodePlan, type NodeView } from '../../src/kube/node-plan.ts';
import { serviceFacts } from '../../src/kube/object-facts.ts';
import type { NamespaceFacts, PodFacts } from '../../src/kube/objects.ts';
import { peerFacts, podFacts } from '../../src/kube/pod-facts.ts';
import { policyFacts } from '../../src/kube/policy-facts.ts';
import { serviceIndex } from '../../src/kube/service-index.ts';
import type { KubeObject } from '../support/cluster/objects.ts';
import { bytesRetained } from '../support/heap.ts';
import { lookup, pod, podObject, policy, policyObject, served, service, serviceObject, slice } from './support/objects.ts';

const KNOWN = lookup({ services: [service('shop/next'), service('web/next'), service('kube-system/next')], slices: [slice('shop/a', 'next', ['10.0.0.9'])] });
const SHOP = { app: 'shop' };

function plan(view: Partial<NodeView>): NodePlan {
  return planNode({ pods: [], policies: [], lookup: KNOWN, peers: [], namespaces: new Map(), permissions: { externalTargets: false, nodeFiles: false }, ...view });
}

function namesOf({ endpoints }: NodePlan): string[] {
  return endpoints.map((endpoint) => `${endpoint.pod.namespace}/${endpoint.pod.name}`);
}

describe('the plan of a node', () => {
  it('has the pods that a policy selects, and the policies that select one', () => {
    const pods = [pod('shop/a', SHOP), pod('shop/b', { app: 'other' }), pod('shop/c', { ...SHOP, tier: 'x' })];
    const policies = [policy('shop/p'), policy('shop/nobody', { selector: { matchLabels: { app: 'none' } } })];
    const made = plan({ pods, policies });
    expect(namesOf(made)).toEqual(['shop/a', 'shop/c']);
    expect(made.policies.map(({ policy: { metadata } }) => metadata.name)).toEqual(['p']);
    expect(made.policies[0]?.addresses).toEqual([[{ host: '10.0.0.9', port: 8080 }]]);
    expect(made.reports).toEqual([
      {
        policy: 'shop/p',
        generation: 1,
        endpoints: ['shop/a', 'shop/c'],
        conditions: [expect.objectContaining({ type: 'Accepted', status: 'True' }), expect.objectContaining({ type: 'ResolvedRefs', status: 'True' })],
      },
    ]);
  });

  it('has nothing of policies of other namespaces, not even of one that selects every pod', () => {
    const made = plan({ pods: [pod('shop/a', SHOP), pod('web/b', SHOP)], policies: [policy('web/p', { selector: {} })] });
    expect(namesOf(made)).toEqual(['web/b']);
    expect(plan({ pods: [pod('shop/a', SHOP)], policies: [policy('web/p', { selector: {} })] })).toMatchObject({ endpoints: [], policies: [], reports: [] });
  });

  it('has each pod once, however many policies select it', () => {
    const made = plan({ pods: [pod('shop/a', SHOP)], policies: [policy('shop/p'), policy('shop/q', { selector: {} })] });
    expect(namesOf(made)).toEqual(['shop/a']);
    expect(made.policies).toHaveLength(2);
  });

  it('tells of a policy that is refused, and leaves its pods alone', () => {
    const refused = policy('shop/p', { targets: [{ url: 'http://example.com' }] });
    const made = plan({ pods: [pod('shop/a', SHOP)], policies: [refused] });
    expect([made.endpoints, made.policies]).toEqual([[], []]);
    expect(made.reports).toMatchObject([{ policy: 'shop/p', endpoints: ['shop/a'], conditions: [{ type: 'Accepted', reason: 'NotPermitted' }] }]);
    const both = plan({ pods: [pod('shop/a', SHOP)], policies: [refused, policy('shop/q')] });
    expect(namesOf(both)).toEqual(['shop/a']);
  });

  it('says nothing of a policy that cannot be read: nobody knows whom it would select', () => {
    expect(plan({ pods: [pod('shop/a', SHOP)], policies: [policy('shop/p', { targets: [] })] })).toMatchObject({ endpoints: [], policies: [], reports: [] });
  });

  it('has the pods of a policy that only observes', () => {
    const made = plan({ pods: [pod('shop/a', SHOP)], policies: [policy('shop/p', { observe: true, targets: [] })] });
    expect(namesOf(made)).toEqual(['shop/a']);
    expect(made.policies.map(({ addresses }) => addresses)).toEqual([[]]);
    expect(made.needs.services).toEqual([]);
    expect(made.reports[0]?.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual(['Accepted=True', 'ResolvedRefs=True']);
  });

  it('has the pods of label mode beside those of policies', () => {
    const labels = { ...SHOP, 'shadowtap.dev/mirror-to': 'next' };
    const made = plan({ pods: [pod('shop/a', labels), pod('shop/b', SHOP), pod('shop/c', { 'shadowtap.dev/mirror-to': 'gone' })], policies: [policy('shop/p')] });
    expect(namesOf(made)).toEqual(['shop/a', 'shop/b']);
    expect(made.reports.map(({ policy: name, endpoints, conditions }) => [name, endpoints, conditions.at(-1)?.reason])).toEqual([
      ['shop/p', ['shop/a', 'shop/b'], 'ResolvedRefs'],
      ['shop/label:next', ['shop/a'], 'ResolvedRefs'],
      ['shop/label:gone', ['shop/c'], 'BackendNotFound'],
    ]);
  });

  it('knows of no pod whose static pod it is, where two claim it, whichever of them a policy selects', () => {
    const hash = '0123456789abcdef0123456789abcdef';
    const annotations = { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.mirror': hash };
    const [real, false_, other] = [pod('kube-system/real', {}, { annotations }), pod('shop/false', SHOP, { annotations }), pod('shop/other', SHOP)];
    const contested = (...pods: PodFacts[]): unknown => plan({ pods, policies: [policy('shop/p'), policy('kube-system/p', { selector: {} })] }).endpoints.map((one) => [one.pod.name, one.isContested]);
    expect(contested(real, false_, other)).toEqual([['false', true], ['other', false], ['real', true]]);
    expect(contested(real, other)).toEqual([['other', false], ['real', false]]);
  });

  it('has a hundred policies of a namespace at most, and those of others beside them', () => {
    const many = Array.from({ length: 105 }, (_, i) => policy(`shop/p-${i}`));
    const refused = policy('shop/a', { targets: [{ url: 'http://example.com' }] });
    const labelled = pod('shop/b', { 'shadowtap.dev/mirror-to': 'next' });
    const made = plan({ pods: [pod('shop/a', SHOP), labelled, pod('web/a', SHOP)], policies: [refused, ...many, policy('web/p')] });
    expect(made.policies).toHaveLength(101);
    const tooMany = made.reports.filter(({ conditions }) => conditions[0]?.reason === 'TooMany').map(({ policy: name }) => name);
    expect(tooMany).toEqual([...many.slice(100).map(({ name }) => `shop/${name}`), 'shop/label:next']);
    expect(namesOf(made)).toEqual(['shop/a', 'web/a']);
  });

  it('needs the endpoints of the Services that its policies name, and of no others', () => {
    const targets = [{ backendRef: { name: 'z', port: 80 } }, { backendRef: { name: 'a', namespace: 'web', port: 80 } }, { backendRef: { name: 'z', port: 81 } }];
    const policies = [policy('shop/p', { targets }), policy('shop/nobody', { selector: { matchLabels: { app: 'none' } }, targets: [{ backendRef: { name: 'x', port: 80 } }] })];
    expect(plan({ pods: [pod('shop/a', SHOP)], policies }).needs).toEqual({ services: ['a', 'z'], peers: 'none', namespaces: false });
    expect(plan({}).needs).toEqual({ services: [], peers: 'none', namespaces: false });
  });
});

describe('sources', () => {
  const WEB = { matchLabels: { app: 'web' } };
  const TEAM = { matchLabels: { team: 'a' } };
  const namespaces = new Map<string, NamespaceFacts>([
    ['/shop', { name: 'shop', labels: {} }],
    ['/web', { name: 'web', labels: { team: 'a' } }],
    ['/job', { name: 'job', labels: { team: 'b' } }],
  ]);
  const peers = [
    podObject('shop/web-1', { app: 'web' }, { ip: '10.0.0.1' }),
    podObject('web/web-2', { app: 'web' }, { ip: '10.0.0.2' }),
    podObject('job/web-3', { app: 'web' }, { ip: '10.0.0.3' }),
    podObject('web/other', {}, { ip: '10.0.0.4' }),
    podObject('shop/starting', { app: 'web' }),
    podObject('shop/on-the-node', { app: 'web' }, { ip: '10.0.0.6', spec: { hostNetwork: true } }),
  ].flatMap((object) => peerFacts(served(object)) ?? []);

  function from(...entries: object[]): NodePlan {
    return plan({ pods: [pod('shop/a', SHOP)], policies: [policy('shop/p', { from: entries })], peers, namespaces });
  }

  it.each([
    ['pods of the own namespace', [{ podSelector: WEB }], ['10.0.0.1'], { namespace: 'shop' }, false],
    ['pods of namespaces by label', [{ podSelector: WEB, namespaceSelector: TEAM }], ['10.0.0.2'], 'all', true],
    ['namespaces by label', [{ namespaceSelector: TEAM }], ['10.0.0.2', '10.0.0.4'], 'all', true],
    ['pods of every namespace', [{ podSelector: WEB, namespaceSelector: {} }], ['10.0.0.1', '10.0.0.2', '10.0.0.3'], 'all', true],
    ['either of two', [{ podSelector: WEB }, { namespaceSelector: TEAM }], ['10.0.0.1', '10.0.0.2', '10.0.0.4'], 'all', true],
    ['addresses', [{ ipBlock: { cidr: '10.0.0.0/8' } }], [], 'none', false],
    ['everybody', [], [], 'none', false],
  ] as const)('that are %s are looked up among as few pods as will do', (_what, entries, addresses, needed, needsNamespaces) => {
    const made = from(...entries);
    expect(made.peers.flatMap((peer) => peer.addresses)).toEqual(addresses);
    expect(made.needs).toMatchObject({ peers: needed, namespaces: needsNamespaces });
  });

  it('of policies of two namespaces need the pods of all', () => {
    const policies = [policy('shop/p', { from: [{ podSelector: WEB }] }), policy('web/p', { from: [{ podSelector: WEB }] })];
    expect(plan({ pods: [pod('shop/a', SHOP), pod('web/a', SHOP)], policies }).needs.peers).toBe('all');
  });

  it('are nobody in a namespace whose labels are not known yet', () => {
    const made = plan({ pods: [pod('shop/a', SHOP)], policies: [policy('shop/p', { from: [{ namespaceSelector: TEAM }] })], peers });
    expect(made.peers).toEqual([]);
  });
});

describe('a plan of anything', () => {
  const name = fc.constantFrom('a', 'b', '__proto__', 'constructor');
  const labels = fc.dictionary(fc.constantFrom('app', 'shadowtap.dev/mirror-to', '__proto__'), fc.constantFrom('shop', 'a', 'a.b', '', 'x.y.z'));
  const annotations = fc.dictionary(fc.constantFrom('shadowtap.dev/mirror-port', 'shadowtap.dev/mirror-percent', 'shadowtap.dev/mirror-methods'), fc.string({ unit: 'binary' }));
  const place = fc.tuple(name, name).map((parts) => parts.join('/'));
  const pods = fc.array(fc.tuple(place, labels, annotations).map(([at, its, notes]) => podFacts(served(podObject(at, its, { annotations: notes })))));
  const selector = fc.oneof(fc.constant({}), fc.record({ matchLabels: labels }));
  const backend = fc.record({ backendRef: fc.record({ name, namespace: name, port: fc.integer() }) });
  const spec = fc.record({ selector, from: fc.array(fc.record({ podSelector: selector, namespaceSelector: selector })), targets: fc.array(fc.oneof(backend, fc.object())) });
  const policies = fc.array(fc.tuple(place, spec).map(([at, its]) => policyFacts(served(policyObject(at, its)))));
  const services = fc.array(fc.tuple(place, fc.object()).map(([at, its]) => serviceFacts(serviceObject(at, its))));

  it('never throws, and keeps policies to the pods of their own namespace', () => {
    const property = fc.property(pods, policies, services, (somePods, somePolicies, someServices) => {
      const known = there(somePods);
      const index = new Map(there(someServices).map((one) => [`${one.namespace}/${one.name}`, one]));
      const made = plan({ pods: known, peers: known, policies: there(somePolicies), lookup: serviceIndex(index, new Map(), new Map()) });
      for (const { policy: reported, endpoints } of made.reports) {
        for (const endpoint of endpoints) expect(endpoint.split('/')[0]).toBe(reported.split('/')[0]);
      }
      const applied = new Set(made.policies.map(({ policy: { metadata } }) => metadata.namespace));
      for (const { pod: selected } of made.endpoints) expect(applied).toContain(selected.namespace);
    });
    fc.assert(property, { numRuns: 2_000, interruptAfterTimeLimit: 3_000 });
  });

  function there<T>(facts: readonly (T | null)[]): T[] {
    return facts.filter((one) => one !== null);
  }
});

describe('a large node', () => {
  const pods: readonly PodFacts[] = Array.from({ length: 110 }, (_, i) => pod(`ns-${i % 10}/pod-${i}`, { app: `app-${i % 40}`, 'pod-template-hash': `${i}` }));
  const policies = Array.from({ length: 500 }, (_, i) => policy(`ns-${i % 10}/p-${i}`, { selector: { matchLabels: { app: `app-${i % 40}` } } }));
  const services = Array.from({ length: 10 }, (_, i) => service(`ns-${i}/next`));
  const slices = services.map(({ namespace }) => slice(`${namespace}/s`, 'next', Array.from({ length: 100 }, (_, k) => `10.0.1.${k}`)));

  it('with 110 pods and 500 policies is planned many times a second', () => {
    const known = lookup({ services, slices });
    const made = plan({ pods, policies, lookup: known });
    expect(made.endpoints).toHaveLength(110);
    for (let i = 0; i < 10; i++) plan({ pods, policies, lookup: known });
    const begun = process.cpuUsage();
    for (let i = 0; i < 10; i++) plan({ pods, policies, lookup: known });
    const { user, system } = process.cpuUsage(begun);
    // Some 6 ms each on a slow machine.
    expect((user + system) / 10_000).toBeLessThan(100);
  });

  it('keeps less than a kilobyte of each Service of the cluster, and of each pod', () => {
    const managedFields = [{ fieldsV1: Object.fromEntries(Array.from({ length: 50 }, (_, k) => [`f:${k}`, {}])) }];
    const selector = (i: number): object => ({ 'app.kubernetes.io/name': `next-${i}`, 'app.kubernetes.io/instance': `shop-${i % 100}` });
    const read = (object: KubeObject): unknown => JSON.parse(JSON.stringify({ ...object, metadata: { ...object.metadata, managedFields } }));
    const of = (keep: (i: number) => unknown): number => bytesRetained(() => Array.from({ length: 5_000 }, (_, i) => keep(i))) / 5_000;
    of((i) => serviceFacts(read(serviceObject(`ns-${i % 50}/next-${i}`))));
    expect(of((i) => serviceFacts(read(serviceObject(`ns-${i % 50}/next-${i}`, { selector: selector(i) }))))).toBeLessThan(1_000);
    expect(of((i) => podFacts(read(served(podObject(`ns-${i % 50}/pod-${i}`, { app: `${i}`, 'pod-template-hash': 'x' }, { ip: '10.0.0.1' })))))).toBeLessThan(1_000);
  });
});
