import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { isObserved } from '../../src/policy/snapshot.ts';
import { policy } from './support.ts';

const CHECKOUT = { id: 1, name: 'checkout', labels: { app: 'checkout' }, ports: [8080, 9090], portNames: { http: 8080 } };
const CART = { id: 2, name: 'cart', labels: { app: 'cart' }, ports: [8080] };

describe('a snapshot', () => {
  it('numbers all targets in one list, policy by policy', () => {
    const two = policy({ targets: [{ url: 'http://a' }, { url: 'http://b' }] }, 'two');
    expect(buildSnapshot(7, [two, policy({}, 'one')], []).targets).toEqual([
      { policy: 0, index: 0 },
      { policy: 0, index: 1 },
      { policy: 1, index: 0 },
    ]);
  });

  it('gives each endpoint the policies that select it, with their ports', () => {
    const { endpoints, version } = buildSnapshot(
      3,
      [
        policy({}, 'everything'),
        policy({ selector: { matchLabels: { app: 'checkout' } }, ports: ['http', 7070] }, 'some'),
        policy({ ports: ['metrics'] }, 'no-such-name'),
        policy({ ports: ['constructor'] }, 'no-such-name-either'),
      ],
      [CHECKOUT, CART],
    );
    expect(version).toBe(3);
    expect(endpoints).toEqual([
      { id: 1, name: 'checkout', ports: [7070, 8080, 9090], policies: [{ policy: 0, ports: [8080, 9090] }, { policy: 1, ports: [8080, 7070] }], observed: null },
      { id: 2, name: 'cart', ports: [8080], policies: [{ policy: 0, ports: [8080] }], observed: null },
    ]);
  });

  it('lets policies select pods of their own namespace alone, and endpoints that have none', () => {
    const own = policy({}, 'own');
    const other = { ...own, metadata: { ...own.metadata, namespace: 'other' } };
    const { endpoints } = buildSnapshot(1, [own, other], [CART, { ...CART, namespace: 'default' }, { ...CART, namespace: 'other' }, { ...CART, namespace: 'third' }]);
    expect(endpoints.map(({ policies }) => policies.map((entry) => entry.policy))).toEqual([[0, 1], [0], [1], []]);
  });

  it('knows a peer by the namespace of its endpoint', () => {
    const peers = [{ ...CART, addresses: ['10.0.0.1'], namespace: 'shop' }, { ...CART, name: 'web/cart', addresses: ['10.0.0.2'] }];
    expect(buildSnapshot(1, [], peers).peers.map(({ namespace }) => namespace)).toEqual(['shop', 'web']);
  });

  it('says where the endpoints of Services are, and of nothing else', () => {
    const targets = [{ url: 'http://a' }, { backendRef: { name: 'next', port: 80 } }, { backendRef: { name: 'gone', port: 80 } }];
    const ready = [{ host: '10.0.0.1', port: 8080 }, { host: 'fd00::1', port: 8080 }];
    const addressesOf = (asked: { metadata: { name: string } }, target: number) => (asked.metadata.name === 'p' && target === 1 ? ready : []);
    expect(buildSnapshot(1, [policy({ targets })], [], { addressesOf }).targets).toEqual([
      { policy: 0, index: 0 },
      { policy: 0, index: 1, addresses: ready },
      { policy: 0, index: 2, addresses: [] },
    ]);
    const unusable = [{ host: 'pod.example', port: 80 }, { host: 'fe80::1%eth0', port: 80 }, { host: '10.0.0.1', port: 0 }];
    expect(buildSnapshot(1, [policy({ targets })], [], { addressesOf: () => [...unusable, ...ready] }).targets[1]?.addresses).toEqual(ready);
    expect(buildSnapshot(1, [policy({ targets })], []).targets[1]).toEqual({ policy: 0, index: 1, addresses: [] });
  });

  it('keeps an endpoint that no policy selects, without ports', () => {
    const nothing = policy({ selector: { matchLabels: { app: 'x' } } });
    expect(buildSnapshot(1, [nothing], [CART]).endpoints).toEqual([{ id: 2, name: 'cart', ports: [], policies: [], observed: null }]);
  });

  it('has the ports of policies that only observe, and says which are observed', () => {
    const mirroring = policy({ ports: [8080] }, 'mirroring');
    const observing = policy({ observe: true, targets: [], ports: [7070, 6060] }, 'observing');
    const both = policy({ observe: true, ports: [7070, 9090], selector: { matchLabels: { app: 'checkout' } } }, 'both');
    const { endpoints, targets } = buildSnapshot(1, [observing, mirroring, both], [CHECKOUT, CART]);
    expect(endpoints.map(({ ports, observed }) => [ports, observed])).toEqual([
      [[6060, 7070, 8080, 9090], [6060, 7070, 9090]],
      [[6060, 7070, 8080], [6060, 7070]],
    ]);
    expect(targets).toEqual([{ policy: 1, index: 0 }, { policy: 2, index: 0 }]);
    expect([7070, 8080, 9090].map((port) => isObserved(endpoints[1]!, port))).toEqual([true, false, false]);
  });

  it('observes every port of an endpoint that has none of its own, if that is asked', () => {
    const capture = { id: 3, name: 'capture', labels: {}, ports: [] };
    const endpointOf = (...specs: Record<string, unknown>[]) => buildSnapshot(1, specs.map((spec) => policy(spec)), [capture]).endpoints[0]!;
    expect(isObserved(endpointOf({ observe: true }, { observe: true, ports: [80] }), 5)).toBe(true);
    expect(isObserved(endpointOf({ observe: true, ports: [80] }, {}), 5)).toBe(false);
    expect(isObserved(endpointOf({}), 5)).toBe(false);
  });

  it('can cross threads', () => {
    const snapshot = buildSnapshot(1, [policy({ sample: { percent: 1 } })], [CHECKOUT]);
    expect(structuredClone(snapshot)).toEqual(snapshot);
  });
});
