import { describe, expect, it } from 'vitest';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { Router, type RouterOptions } from '../../src/policy/router.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { Verdict } from '../../src/policy/verdict.ts';
import { asOnWire } from '../../src/policy/request-view.ts';
import { exchange, grpcCall, policy, seededRandom, type RequestParts } from './support.ts';

const ENDPOINT = { id: 1, name: 'shop/checkout-1', labels: { app: 'checkout' }, ports: [8080, 9090], portNames: { http: 8080 } };

function routerFor(policies: readonly MirrorPolicy[], options?: RouterOptions): Router {
  return new Router(buildSnapshot(1, policies, [ENDPOINT]), options);
}

function ask(router: Router, parts: RequestParts, port = 8080): Verdict {
  const verdict = new Verdict();
  router.route(exchange(parts), 1, port, verdict);
  return verdict;
}

/** `mirrored`, or the outcome's name. */
function outcome(verdict: Verdict): string {
  return verdict.targets.length > 0 ? 'mirrored' : OUTCOME_SLOTS[verdict.slot]!.outcome;
}

function outcomeOf(spec: Record<string, unknown>, parts: RequestParts): string {
  return outcome(ask(routerFor([policy(spec)]), parts));
}

describe('a path match', () => {
  it.each([
    [{ type: 'Exact', value: '/api' }, '/api', true],
    [{ type: 'Exact', value: '/api' }, '/api?x=1', true],
    [{ type: 'Exact', value: '/api' }, '/api/', false],
    [{ type: 'Exact', value: '/api' }, '/API', false],
    [{ type: 'Exact', value: '/api' }, 'http://shop.example/api', true],
    [{ value: '/api' }, '/api', true],
    [{ value: '/api' }, '/api/', true],
    [{ value: '/api' }, '/api/v1?x=1', true],
    [{ value: '/api' }, '/apix', false],
    [{ value: '/api' }, '/ap', false],
    [{ value: '/api/' }, '/api', true],
    [{ value: '/api/' }, '/api/v1', true],
    [{ value: '/api/' }, '/apix', false],
    [{ value: '/' }, '/anything', true],
    [{}, '/anything', true],
    [{ value: '/x' }, '/a?p=/x', false],
    [{ value: '/café' }, asOnWire('/café/1'), true],
    [{ type: 'RegularExpression', value: '/v[0-9]+/.*' }, '/v12/items', true],
    [{ type: 'RegularExpression', value: '/v[0-9]+' }, '/v12/items', false],
    [{ type: 'RegularExpression', value: 'v[0-9]+' }, '/v12', false],
    [{ type: 'RegularExpression', value: '/a' }, '/a?b', true],
  ])('%j on %s: %s', (path, target, expected) => {
    expect(outcomeOf({ matches: [{ path }] }, { target })).toBe(expected ? 'mirrored' : 'unmatched');
  });
});

describe('a match', () => {
  it.each<[string, Record<string, unknown>, RequestParts, boolean]>([
    ['method, exactly', { method: 'POST' }, { method: 'POST' }, true],
    ['method, another', { method: 'POST' }, { method: 'GET' }, false],
    ['method, in another case', { method: 'POST' }, { method: 'post' }, false],
    ['header name in any case', { headers: [{ name: 'X-Tenant', value: 'acme' }] }, { headers: ['x-TENANT', 'acme'] }, true],
    ['header value in its own case', { headers: [{ name: 'x', value: 'acme' }] }, { headers: ['x', 'Acme'] }, false],
    ['header that is missing', { headers: [{ name: 'x', value: '' }] }, {}, false],
    ['header that is empty', { headers: [{ name: 'x', value: '' }] }, { headers: ['x', ''] }, true],
    ['header sent twice, as one', { headers: [{ name: 'x', value: 'a, b' }] }, { headers: ['x', 'a', 'X', 'b'] }, true],
    ['header sent twice, by its first value alone', { headers: [{ name: 'x', value: 'a' }] }, { headers: ['x', 'a', 'x', 'b'] }, false],
    ['header pattern, whole value', { headers: [{ name: 'x', type: 'RegularExpression', value: '[a-z]+' }] }, { headers: ['x', 'abc'] }, true],
    ['header pattern, part of the value', { headers: [{ name: 'x', type: 'RegularExpression', value: '[a-z]+' }] }, { headers: ['x', 'abc1'] }, false],
    ['two headers, both there', { headers: [{ name: 'a', value: '1' }, { name: 'b', value: '2' }] }, { headers: ['b', '2', 'a', '1'] }, true],
    ['two headers, one there', { headers: [{ name: 'a', value: '1' }, { name: 'b', value: '2' }] }, { headers: ['a', '1'] }, false],
    ['two entries for one header: the first counts', { headers: [{ name: 'a', value: '1' }, { name: 'A', value: '2' }] }, { headers: ['a', '1'] }, true],
    ['query parameter', { queryParams: [{ name: 'v', value: '2' }] }, { target: '/?a=1&v=2' }, true],
    ['query parameter, encoded', { queryParams: [{ name: 'q', value: 'a b&c' }] }, { target: '/?q=a+b%26c' }, true],
    ['query parameter, another value', { queryParams: [{ name: 'v', value: '2' }] }, { target: '/?v=22' }, false],
    ['query parameter, sent twice: the first counts', { queryParams: [{ name: 'v', value: '2' }] }, { target: '/?v=1&v=2' }, false],
    ['query parameter, missing', { queryParams: [{ name: 'v', value: '' }] }, { target: '/' }, false],
    ['query pattern', { queryParams: [{ name: 'v', type: 'RegularExpression', value: '[2-9]' }] }, { target: '/?v=7' }, true],
    ['two entries for one parameter: the first counts', { queryParams: [{ name: 'v', value: '1' }, { name: 'v', value: '2' }] }, { target: '/?v=1' }, true],
    ['everything together', { method: 'GET', path: { value: '/a' }, headers: [{ name: 'h', value: '1' }], queryParams: [{ name: 'q', value: '1' }] }, { target: '/a/b?q=1', headers: ['H', '1'] }, true],
    ['all but one', { method: 'GET', path: { value: '/a' }, headers: [{ name: 'h', value: '1' }], queryParams: [{ name: 'q', value: '1' }] }, { target: '/a/b?q=1', headers: ['H', '2'] }, false],
    ['nothing asked', {}, { method: 'OPTIONS', target: '*' }, true],
  ])('%s', (_, match, parts, expected) => {
    expect(outcomeOf({ matches: [match] }, parts)).toBe(expected ? 'mirrored' : 'unmatched');
  });

  it('is one of several that are joined by or', () => {
    const spec = { matches: [{ path: { value: '/a' } }, { method: 'POST' }] };
    expect(outcomeOf(spec, { target: '/a' })).toBe('mirrored');
    expect(outcomeOf(spec, { target: '/b', method: 'POST' })).toBe('mirrored');
    expect(outcomeOf(spec, { target: '/b' })).toBe('unmatched');
  });
});

describe('a gRPC match', () => {
  const BOTH = { service: 'shop.v1.Checkout', method: 'PlaceOrder' };
  it.each<[object, string, boolean]>([
    [BOTH, '/shop.v1.Checkout/PlaceOrder', true],
    [BOTH, '/shop.v1.Checkout/placeOrder', false],
    [BOTH, '/shop.v1.checkout/PlaceOrder', false],
    [BOTH, '/v1.Checkout/PlaceOrder', false],
    [BOTH, '/shop.v1.Checkout/PlaceOrder/', false],
    [BOTH, '/shop.v1.Checkout/PlaceOrders', false],
    [BOTH, '/api/shop.v1.Checkout/PlaceOrder', false],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.Checkout/PlaceOrder', true],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.Checkout/Other', true],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.CheckoutX/Other', false],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.Checkout', false],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.Checkout/', false],
    [{ service: 'shop.v1.Checkout' }, '/shop.v1.Checkout/a/b', false],
    [{ method: 'Get' }, '/a.B/Get', true],
    [{ method: 'Get' }, '/a.B/Gets', false],
    [{ method: 'Get' }, '/a/B/Get', false],
    [{ method: 'Get' }, '//Get', false],
    [{ method: 'Get' }, '/Get', false],
    [{ type: 'RegularExpression', service: 'shop\\..*' }, '/shop.v1.Checkout/PlaceOrder', true],
    [{ type: 'RegularExpression', service: 'Checkout' }, '/shop.v1.Checkout/PlaceOrder', false],
    [{ type: 'RegularExpression', service: '(?i)shop\\.v[0-9]+\\.checkout', method: 'Place.*' }, '/shop.v1.Checkout/PlaceOrder', true],
    [{ type: 'RegularExpression', service: '.*', method: 'Get' }, '/shop.v1.Checkout/PlaceOrder', false],
    [{ type: 'RegularExpression', method: 'Place.*|Get' }, '/shop.v1.Checkout/PlaceOrder', true],
    [{ type: 'RegularExpression', service: '.*' }, '/a/b/c', false],
  ])('%j on %s: %s', (grpc, target, expected) => {
    expect(outcomeOf({ matches: [{ grpc }] }, grpcCall(target))).toBe(expected ? 'mirrored' : 'unmatched');
  });

  const type = (value: string): RequestParts => ({ headers: ['x', '1', 'Content-Type', value] });
  it.each<[string, RequestParts, boolean]>([
    ['HTTP/2', {}, true],
    ['HTTP/1.1', { version: 'HTTP/1.1' }, false],
    ['another method', { method: 'GET' }, false],
    ['a format of messages', type('application/grpc+proto'), true],
    ['a parameter', type('application/grpc;charset=utf-8'), true],
    ['other letters', type('Application/gRPC+JSON'), true],
    ['gRPC-Web', type('application/grpc-web+proto'), false],
    ['Connect', type('application/connect+proto'), false],
    ['Connect, unary', type('application/proto'), false],
    ['JSON', type('application/json'), false],
    ['no type', { headers: [] }, false],
  ])('takes only calls of gRPC: %s', (_, parts, expected) => {
    for (const grpc of [BOTH, { service: BOTH.service }, { type: 'RegularExpression', method: '.*' }]) {
      expect(outcomeOf({ matches: [{ grpc }] }, grpcCall('/shop.v1.Checkout/PlaceOrder', parts))).toBe(expected ? 'mirrored' : 'unmatched');
    }
  });

  it('holds together with headers, and beside matches of HTTP', () => {
    const spec = { matches: [{ grpc: BOTH, headers: [{ name: 'x-tenant', value: 'acme' }] }, { path: { value: '/api' } }] };
    const call = grpcCall('/shop.v1.Checkout/PlaceOrder');
    expect(outcomeOf(spec, call)).toBe('unmatched');
    expect(outcomeOf(spec, { ...call, headers: [...call.headers!, 'x-tenant', 'acme'] })).toBe('mirrored');
    expect(outcomeOf(spec, { target: '/api' })).toBe('mirrored');
  });

  it('leaves calls out where it is an exclusion', () => {
    const spec = { excludes: [{ grpc: { service: 'grpc.health.v1.Health' } }] };
    expect(outcomeOf(spec, grpcCall('/grpc.health.v1.Health/Check'))).toBe('excluded');
    expect(outcomeOf(spec, grpcCall('/shop.v1.Checkout/PlaceOrder'))).toBe('mirrored');
  });
});

describe('a policy', () => {
  it('leaves out what it excludes even if it matches', () => {
    const spec = { matches: [{ path: { value: '/api' } }], excludes: [{ path: { value: '/api/health' } }, { method: 'DELETE' }] };
    expect(outcomeOf(spec, { target: '/api/x' })).toBe('mirrored');
    expect(outcomeOf(spec, { target: '/api/health' })).toBe('excluded');
    expect(outcomeOf(spec, { target: '/api/x', method: 'DELETE' })).toBe('excluded');
    expect(outcomeOf(spec, { target: '/health' })).toBe('unmatched');
  });

  it.each([
    ['All', 'DELETE', 'mirrored'],
    ['Safe', 'GET', 'mirrored'],
    ['Safe', 'HEAD', 'mirrored'],
    ['Safe', 'OPTIONS', 'mirrored'],
    ['Safe', 'POST', 'method'],
    ['Safe', 'TRACE', 'method'],
    [['POST', 'PURGE'], 'PURGE', 'mirrored'],
    [['POST', 'PURGE'], 'GET', 'method'],
  ])('with methods %j takes %s as: %s', (methods, method, expected) => {
    expect(outcomeOf({ methods }, { method })).toBe(expected);
  });

  it('that is off counts its requests as sampled out', () => {
    expect(outcomeOf({ sample: { percent: 0 } }, {})).toBe('sampled-out');
  });

  it('counts a request as sampled out when every target leaves it out', () => {
    expect(outcomeOf({ targets: [{ url: 'http://a', percent: 0 }, { url: 'http://b', percent: 0 }] }, {})).toBe('sampled-out');
  });

  it('draws for each target by itself', () => {
    const spec = { targets: [{ url: 'http://a', percent: 50 }, { url: 'http://b' }, { url: 'http://c', percent: 50 }] };
    const draws = [0.4, 0.6];
    const router = routerFor([policy(spec)], { random: () => draws.shift()! });
    expect(ask(router, {}).targets).toEqual([0, 1]);
  });

  it('mirrors its share over 500 requests, within three sigma', () => {
    const router = routerFor([policy({ sample: { percent: 20 } })], { random: seededRandom(42) });
    let mirrored = 0;
    for (let i = 0; i < 500; i++) if (outcome(ask(router, {})) === 'mirrored') mirrored += 1;
    expect(Math.abs(mirrored - 100)).toBeLessThanOrEqual(3 * Math.sqrt(500 * 0.2 * 0.8));
  });
});

describe('several policies', () => {
  it('each give their targets, and the request counts for the first', () => {
    const router = routerFor([
      policy({ targets: [{ url: 'http://a' }, { url: 'http://b' }], limits: { maxBodyBytes: 10 } }, 'one'),
      policy({ matches: [{ method: 'POST' }] }, 'two'),
      policy({ targets: [{ url: 'http://d' }], limits: { maxBodyBytes: 20 } }, 'three'),
    ]);
    const verdict = ask(router, {});
    expect(verdict.targets).toEqual([0, 1, 3]);
    expect(verdict.policy).toBe(0);
    expect(verdict.maxBodyBytes).toBe(20);
  });

  it('that all refuse count the request for the one that came closest', () => {
    const policies = [
      policy({ matches: [{ path: { value: '/no' } }] }, 'unmatched'),
      policy({ excludes: [{}] }, 'excluded'),
      policy({ methods: ['POST'] }, 'method'),
      policy({ sample: { percent: 0 } }, 'sampled-out'),
    ];
    for (let count = 1; count <= policies.length; count++) {
      for (const order of [policies.slice(0, count), policies.slice(0, count).reverse()]) {
        const verdict = ask(routerFor(order), {});
        const closest = policies[count - 1]!;
        expect(outcome(verdict)).toBe(closest.metadata.name);
        expect(verdict.policy).toBe(count === 1 ? -1 : order.indexOf(closest));
      }
    }
  });

  it('leave out those that only observe, as if they were not there', () => {
    const observing = policy({ observe: true, targets: [], matches: [{ path: { value: '/a' } }], methods: 'Safe' }, 'observing');
    expect(ask(routerFor([observing]), { target: '/a', method: 'POST' })).toMatchObject({ targets: [], policy: -1 });
    expect(outcome(ask(routerFor([observing]), { target: '/a', method: 'POST' }))).toBe('unmatched');
    const verdict = ask(routerFor([observing, policy({ targets: [{ url: 'http://a' }, { url: 'http://b' }] }), observing]), { target: '/a' });
    expect(verdict).toMatchObject({ targets: [0, 1], policy: 1 });
  });

  it('leave nothing of one request in the verdict of the next', () => {
    const router = routerFor([policy({ matches: [{ path: { value: '/a' } }] })]);
    const verdict = new Verdict();
    router.route(exchange({ target: '/a' }), 1, 8080, verdict);
    expect(verdict).toMatchObject({ targets: [0], policy: 0, maxBodyBytes: 1_048_576 });
    router.route(exchange({ target: '/b' }), 1, 8080, verdict);
    expect(verdict).toMatchObject({ targets: [], policy: -1, maxBodyBytes: 0 });
    expect(outcome(verdict)).toBe('unmatched');
  });
});

describe('ports and endpoints', () => {
  it('keep a policy to the ports that it names', () => {
    const router = routerFor([policy({ ports: ['http'] }, 'named'), policy({ ports: [9090] }, 'number')]);
    expect(ask(router, {}, 8080).targets).toEqual([0]);
    expect(ask(router, {}, 9090).targets).toEqual([1]);
    expect(outcome(ask(router, {}, 7070))).toBe('unmatched');
  });

  it('leave requests of an unknown endpoint unmatched', () => {
    const verdict = new Verdict();
    routerFor([policy()]).route(exchange(), 7, 8080, verdict);
    expect(outcome(verdict)).toBe('unmatched');
  });

  it('keep a policy to the endpoints that it selects', () => {
    const router = routerFor([policy({ selector: { matchLabels: { app: 'cart' } } })]);
    expect(outcome(ask(router, {}))).toBe('unmatched');
  });

  it('let every port through where neither policy nor endpoint names any: a capture file', () => {
    const snapshot = buildSnapshot(1, [policy({}, 'all'), policy({ ports: [80] }, 'web')], [{ id: 0, name: 'capture', labels: {}, ports: [] }]);
    const verdict = new Verdict();
    const router = new Router(snapshot);
    router.route(exchange(), 0, 12_345, verdict);
    expect(verdict.targets).toEqual([0]);
    router.route(exchange(), 0, 80, verdict);
    expect(verdict.targets).toEqual([0, 1]);
  });
});

describe('the loop guard', () => {
  it.each([
    [{}, ['Shadowtap-Mirrored', 'default/p']],
    [{}, ['a', 'b', 'shadowtap-mirrored', '']],
    [{ marker: 'X-Shadow' }, ['x-shadow', '1']],
  ])('leaves a copy alone, whatever the policies say: %j %j', (options, headers) => {
    const verdict = ask(routerFor([policy()], options), { headers });
    expect(outcome(verdict)).toBe('loop');
    expect(verdict.policy).toBe(-1);
  });

  it('knows only the marker that is configured', () => {
    expect(outcome(ask(routerFor([policy()], { marker: 'x-shadow' }), { headers: ['shadowtap-mirrored', 'p'] }))).toBe('mirrored');
  });
});

describe('many policies', () => {
  it('cost a request nothing where they do not select its endpoint', () => {
    const others = Array.from({ length: 5000 }, (_, i) => policy({ selector: { matchLabels: { app: `a${i}` } }, matches: [{ path: { value: `/p${i}` } }] }, `p${i}`));
    const router = routerFor([...others, policy({}, 'mine')]);
    const verdict = new Verdict();
    const request = exchange({ target: '/a/b/c', headers: ['host', 'a', 'accept', '*/*'] });
    const started = performance.now();
    for (let i = 0; i < 20_000; i++) router.route(request, 1, 8080, verdict);
    const microseconds = ((performance.now() - started) * 1000) / 20_000;
    expect(verdict.targets).toEqual([5000]);
    // Looking at each of 5,001 policies would take far longer, on any machine.
    expect(microseconds).toBeLessThan(20);
  });
});
