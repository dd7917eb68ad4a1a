import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importGrpcRoute } from '../../../src/kube/import/gateway-route.ts';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { context, GRANTS } from './world.ts';

const MIRROR = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'shadow', port: 80 } } };
const CHECKOUT = { name: 'checkout', port: 80 };
const HOST = { name: 'Host', type: 'RegularExpression', value: '(?i)shop\\.example(?::[0-9]+)?' };
const CALLS = { method: { service: 'shop.v1.Checkout', method: 'PlaceOrder' } };

function imported(rules: readonly object[], grants = GRANTS): ImportedPolicy[] {
  const spec = { parentRefs: [{ name: 'gateway' }], hostnames: ['shop.example'], rules };
  return importGrpcRoute({ metadata: { namespace: 'shop', name: 'r' }, spec }, context(grants));
}

/** The one policy of a rule with these fields, which mirrors and has one backend. */
function only(rule: object): ImportedPolicy {
  const policies = imported([{ filters: [MIRROR], backendRefs: [CHECKOUT], ...rule }]);
  expect(policies).toHaveLength(1);
  return policies[0]!;
}

function reasons({ problems }: ImportedPolicy): string[] {
  return problems.map(({ reason }) => reason);
}

describe('an imported GRPCRoute', () => {
  it('is a policy for the pods behind the backend, where a user would write it', () => {
    expect(only({ matches: [CALLS] })).toEqual({
      namespace: 'shop',
      name: 'grpcroute.r.0',
      origin: { kind: 'GRPCRoute', namespace: 'shop', name: 'r', rule: '0' },
      spec: {
        selector: { matchLabels: { app: 'checkout' } },
        ports: [8080],
        matches: [{ grpc: { type: 'Exact', service: 'shop.v1.Checkout', method: 'PlaceOrder' }, headers: [HOST] }],
        targets: [{ backendRef: { name: 'shadow', port: 80 } }],
      },
      problems: [],
    });
  });

  it.each<[string, object]>([
    ['no matches', {}],
    ['a match that names nothing', { matches: [{}] }],
    ['empty names', { matches: [{ method: { service: '', method: '' } }] }],
  ])('takes every call, and nothing else, with %s', (_, rule) => {
    expect(only(rule)).toMatchObject({ spec: { matches: [{ grpc: { type: 'RegularExpression', service: '.*' }, headers: [HOST] }] }, problems: [] });
  });

  it.each<[string, object, object, boolean]>([
    ['a longer service first', { method: { service: 'a.Long' } }, { method: { method: 'Get' } }, true],
    ['a shorter service last', { method: { method: 'Get' } }, { method: { service: 'a.Long' } }, false],
    ['a method beside the service', { method: { service: 'a.B', method: 'Get' } }, { method: { service: 'a.B' } }, true],
    ['a method before headers', { method: { method: 'Get' } }, { headers: [{ name: 'x', value: '1' }] }, true],
    ['two headers before one', { headers: [{ name: 'x', value: '1' }, { name: 'y', value: '1' }] }, { headers: [{ name: 'z', value: '1' }] }, true],
    ['the first of equals', { headers: [{ name: 'x', value: '1' }] }, { headers: [{ name: 'y', value: '1' }] }, true],
    ['services that differ', { method: { service: 'a.Longer' } }, { method: { service: 'a.B' } }, false],
    ['methods that differ', { method: { service: 'a.B', method: 'GetAll' } }, { method: { service: 'a.B', method: 'Get' } }, false],
  ])('knows the order of the Gateway API: %s', (_, first, second, isExcluded) => {
    const [policy] = imported([{ matches: [first], backendRefs: [CHECKOUT] }, { matches: [second], filters: [MIRROR], backendRefs: [CHECKOUT] }]);
    expect(policy!.problems).toEqual([]);
    expect(JSON.stringify(policy!.spec).includes('excludes')).toBe(isExcluded);
  });

  it('leaves out what fits a pattern whose place in the order nobody says, and says so', () => {
    const rules = [
      { matches: [{ method: { type: 'RegularExpression', service: 'shop\\..*' } }], backendRefs: [CHECKOUT] },
      { matches: [CALLS], filters: [MIRROR], backendRefs: [CHECKOUT] },
    ];
    const [policy] = imported(rules);
    expect(reasons(policy!)).toEqual(['PrecedenceUnknown']);
    expect(policy).toMatchObject({ spec: { excludes: [{ grpc: { type: 'RegularExpression', service: '(?s:.*)(?:shop\\..*)(?s:.*)' } }] } });
  });

  it('has nothing left where another rule takes every call', () => {
    const [policy] = imported([{ backendRefs: [CHECKOUT] }, { filters: [MIRROR], backendRefs: [CHECKOUT] }]);
    expect(policy!.spec).toBeNull();
    expect(reasons(policy!)).toContain('NothingLeft');
  });

  it('may refer to another namespace only where a grant names its kind', () => {
    const stock = { name: 'stock', namespace: 'stock', port: 80 };
    expect(imported([{ filters: [MIRROR], backendRefs: [stock] }])[0]!.spec).not.toBeNull();
    const [grant] = GRANTS;
    const ofHttp = [{ ...grant!, from: grant!.from.filter(({ kind }) => kind === 'HTTPRoute') }];
    const [policy] = imported([{ filters: [MIRROR], backendRefs: [stock] }], ofHttp);
    expect(policy!.problems).toEqual([{ reason: 'RefNotPermitted', message: 'no ReferenceGrant in stock lets GRPCRoutes of shop refer to Service stock' }]);
  });

  it.each<[string, object]>([
    ['UnsupportedMatch', { matches: [{ method: { type: 'Prefix', service: 'a' } }] }],
    ['UnsupportedMatch', { matches: [{ method: { type: 'RegularExpression', service: '' } }] }],
    ['UnsupportedMatch', { matches: [{ method: { service: '/a.B' } }] }],
    ['UnsupportedMatch', { matches: [{ method: { service: 'a.B', method: 'a.b' } }] }],
    ['UnsupportedMatch', { matches: [{ method: { type: 'RegularExpression', service: '(?=a)' } }] }],
    ['UnsupportedMatch', { matches: [{ headers: [{ name: 'grpc-timeout', value: '1S' }] }] }],
    ['Malformed', { matches: [{ method: 'Get' }] }],
    ['UnknownField', { matches: [{ path: { value: '/a' } }] }],
    ['UnsupportedFilter', { filters: [MIRROR, { type: 'URLRewrite', urlRewrite: { hostname: 'x' } }] }],
    ['UnsupportedFilter', { filters: [MIRROR, { type: 'ExtensionRef', extensionRef: { group: 'example.com', kind: 'Auth', name: 'a' } }] }],
  ])('mirrors nothing of a rule that it does not understand: %s %j', (reason, rule) => {
    const policy = only(rule);
    expect(policy.spec).toBeNull();
    expect(reasons(policy)).toContain(reason);
  });

  it('is made of any JSON without an exception', () => {
    const json = fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text));
    const rule = fc.record({ matches: fc.oneof(json, fc.array(fc.record({ method: json, headers: json }))), filters: fc.constant([MIRROR]), backendRefs: fc.constant([CHECKOUT]) });
    const spec = fc.record({ parentRefs: fc.constant([{ name: 'g' }]), rules: fc.oneof(json, fc.array(rule)) });
    fc.assert(
      fc.property(fc.oneof(json, spec.map((whole) => ({ metadata: { namespace: 'shop', name: 'r' }, spec: whole }))), (object) => {
        for (const { spec: made, problems } of importGrpcRoute(object, context())) expect(made !== null || problems.length > 0).toBe(true);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 3000 },
    );
  });
});
