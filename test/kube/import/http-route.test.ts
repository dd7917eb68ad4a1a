import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importHttpRoute } from '../../../src/kube/import/gateway-route.ts';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { context, GRANTS } from './world.ts';

const MIRROR = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'shadow', port: 80 } } };
const CHECKOUT = { name: 'checkout', port: 80 };
const HOST = { name: 'Host', type: 'RegularExpression', value: '(?i)shop\\.example(?::[0-9]+)?' };
const TARGETS = [{ backendRef: { name: 'shadow', port: 80 } }];

/** A route with a host, so that nothing is to be said of requests on other ways. */
function route(rules: readonly object[], spec: object = {}): object {
  return { metadata: { namespace: 'shop', name: 'r' }, spec: { parentRefs: [{ name: 'gateway' }], hostnames: ['shop.example'], rules, ...spec } };
}

function imported(rules: readonly object[], spec: object = {}): ImportedPolicy[] {
  return importHttpRoute(route(rules, spec), context());
}

/** The one policy of a rule with these fields, which mirrors and has one backend. */
function only(rule: object, spec: object = {}): ImportedPolicy {
  const policies = imported([{ filters: [MIRROR], backendRefs: [CHECKOUT], ...rule }], spec);
  expect(policies).toHaveLength(1);
  return policies[0]!;
}

function reasons({ problems }: ImportedPolicy): string[] {
  return problems.map(({ reason }) => reason);
}

describe('an imported HTTPRoute', () => {
  it('is a policy for the pods behind the backend, where a user would write it', () => {
    const [policy] = imported([{ matches: [{ path: { value: '/api' }, method: 'GET' }], filters: [MIRROR], backendRefs: [CHECKOUT] }]);
    expect(policy).toEqual({
      namespace: 'shop',
      name: 'httproute.r.0',
      origin: { kind: 'HTTPRoute', namespace: 'shop', name: 'r', rule: '0' },
      spec: {
        selector: { matchLabels: { app: 'checkout' } },
        ports: [8080],
        matches: [{ path: { type: 'PathPrefix', value: '/api' }, method: 'GET', headers: [HOST] }],
        targets: TARGETS,
      },
      problems: [],
    });
  });

  it('is nothing where no rule mirrors, or none mirrors any request', () => {
    expect(imported([{ backendRefs: [CHECKOUT] }])).toEqual([]);
    const off = { type: 'RequestMirror', requestMirror: { ...MIRROR.requestMirror, percent: 0 } };
    expect(imported([{ filters: [off], backendRefs: [CHECKOUT] }])).toEqual([]);
  });

  it('leaves to a rule with a longer prefix what that takes, and not to a shorter one', () => {
    const rules = [
      { matches: [{ path: { value: '/' } }], backendRefs: [CHECKOUT] },
      { matches: [{ path: { value: '/a' } }], filters: [MIRROR], backendRefs: [CHECKOUT] },
      { matches: [{ path: { value: '/a/b' } }], backendRefs: [CHECKOUT] },
      { matches: [{ path: { value: '/c' } }], backendRefs: [CHECKOUT] },
    ];
    expect(imported(rules)).toMatchObject([{ spec: { excludes: [{ path: { type: 'PathPrefix', value: '/a/b' } }] }, problems: [] }]);
  });

  it.each<[string, object, object, boolean]>([
    ['Exact before a prefix', { path: { type: 'Exact', value: '/a' } }, { path: { value: '/a' } }, true],
    ['a prefix after Exact', { path: { value: '/a' } }, { path: { type: 'Exact', value: '/a' } }, false],
    ['a longer prefix before a method', { path: { value: '/a/b' } }, { path: { value: '/a' }, method: 'GET' }, true],
    ['a method before headers', { method: 'GET' }, { headers: [{ name: 'x', value: '1' }, { name: 'y', value: '1' }] }, true],
    ['two headers before one', { headers: [{ name: 'x', value: '1' }, { name: 'y', value: '1' }] }, { headers: [{ name: 'z', value: '1' }] }, true],
    ['a header before a parameter', { headers: [{ name: 'x', value: '1' }] }, { queryParams: [{ name: 'x', value: '1' }] }, true],
    ['the first of equals', { headers: [{ name: 'x', value: '1' }] }, { headers: [{ name: 'y', value: '1' }] }, true],
  ])('knows the order of the Gateway API: %s', (_, first, second, isExcluded) => {
    const [policy] = imported([{ matches: [first], backendRefs: [CHECKOUT] }, { matches: [second], filters: [MIRROR], backendRefs: [CHECKOUT] }]);
    expect(policy!.problems).toEqual([]);
    expect(JSON.stringify(policy!.spec).includes('excludes')).toBe(isExcluded);
  });

  it('gives matches of a rule policies of their own where another rule stands between them', () => {
    const rules = [
      { matches: [{ path: { value: '/a' } }, { path: { value: '/a/b/c' } }], filters: [MIRROR], backendRefs: [CHECKOUT] },
      { matches: [{ path: { value: '/a/b' } }], backendRefs: [CHECKOUT] },
    ];
    const [inner, outer] = imported(rules);
    expect(inner).toMatchObject({ spec: { matches: [{ path: { value: '/a/b/c' } }] }, problems: [] });
    expect(inner!.spec).not.toHaveProperty('excludes');
    expect(outer).toMatchObject({
      spec: { matches: [{ path: { value: '/a' } }], excludes: [{ path: { value: '/a/b' } }, { path: { value: '/a/b/c' } }] },
      problems: [],
    });
    expect(inner!.name).not.toBe(outer!.name);
  });

  it('leaves out what fits a pattern whose place in the order nobody says, and says so', () => {
    const rules = [
      { matches: [{ path: { type: 'RegularExpression', value: '/v[0-9]' } }], backendRefs: [CHECKOUT] },
      { filters: [MIRROR], backendRefs: [CHECKOUT] },
    ];
    const [policy] = imported(rules);
    expect(reasons(policy!)).toEqual(['PrecedenceUnknown']);
    expect(policy).toMatchObject({ spec: { excludes: [{ path: { type: 'RegularExpression', value: '(?s:.*)(?:/v[0-9])(?s:.*)' } }] } });
  });

  it('takes several mirrors as several targets, each with its share', () => {
    const share = (name: string, more: object): object => ({ type: 'RequestMirror', requestMirror: { backendRef: { name, port: 80 }, ...more } });
    const filters = [share('shadow', { percent: 10 }), share('shadow2', { fraction: { numerator: 1, denominator: 1000 } }), share('shadow', { fraction: { numerator: 5 } })];
    expect(only({ filters })).toMatchObject({
      spec: { targets: [{ ...TARGETS[0], percent: 10 }, { backendRef: { name: 'shadow2', port: 80 }, percent: 0.1 }, { ...TARGETS[0], percent: 5 }] },
      problems: [],
    });
  });

  it.each<[string, object]>([
    ['InvalidShare', { backendRef: { name: 'shadow', port: 80 }, percent: 101 }],
    ['InvalidShare', { backendRef: { name: 'shadow', port: 80 }, percent: 1, fraction: { numerator: 1 } }],
    ['InvalidShare', { backendRef: { name: 'shadow', port: 80 }, fraction: { numerator: 1, denominator: 0 } }],
    ['UnknownField', { backendRef: { name: 'shadow', port: 80 }, sometimes: true }],
    ['UnsupportedTarget', { backendRef: { group: 'example.com', kind: 'Bucket', name: 'b' } }],
    ['TargetNotFound', { backendRef: { name: 'nobody', port: 80 } }],
    ['PortNotFound', { backendRef: { name: 'shadow', port: 81 } }],
    ['PortNotFound', { backendRef: { name: 'shadow' } }],
    ['ExternalName', { backendRef: { name: 'outside', port: 80 } }],
    ['RefNotPermitted', { backendRef: { name: 'shadow', namespace: 'bank', port: 80 } }],
  ])('mirrors nothing to a target that is not right: %s', (reason, requestMirror) => {
    const policy = only({ filters: [{ type: 'RequestMirror', requestMirror }] });
    expect(policy.spec).toBeNull();
    expect(reasons(policy)).toContain(reason);
  });

  it('keeps the other targets where one is not right', () => {
    const wrong = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'nobody', port: 80 } } };
    const policy = only({ filters: [wrong, MIRROR] });
    expect(policy).toMatchObject({ spec: { targets: TARGETS } });
    expect(reasons(policy)).toEqual(['TargetNotFound']);
  });

  it.each<[string, object]>([
    ['BackendNotFound', { name: 'nobody', port: 80 }],
    ['PortNotFound', { name: 'checkout', port: 81 }],
    ['UnsupportedBackend', { group: 'inference.networking.k8s.io', kind: 'InferencePool', name: 'pool' }],
    ['NoSelector', { name: 'by-hand', port: 80 }],
    ['ExternalName', { name: 'outside', port: 80 }],
    ['RefNotPermitted', { name: 'checkout', namespace: 'bank', port: 80 }],
    ['NoBackends', { ...CHECKOUT, weight: 0 }],
    ['UnknownField', { ...CHECKOUT, mood: 'good' }],
  ])('says why the pods of a backend are not known: %s', (reason, backend) => {
    const policy = only({ backendRefs: [backend] });
    expect(policy.spec).toBeNull();
    expect(reasons(policy)).toContain(reason);
  });

  it('lives where the pods are, and says which grant the target needs from there', () => {
    const policy = only({ backendRefs: [{ name: 'stock', namespace: 'stock', port: 80 }] });
    expect(policy).toMatchObject({ namespace: 'stock', spec: { targets: [{ backendRef: { name: 'shadow', namespace: 'shop', port: 80 } }] } });
    expect(policy.name).toMatch(/^httproute\.shop\.r\.0\.0x[0-9a-f]{8}$/);
    expect(reasons(policy)).toEqual(['TargetNotGranted']);
    const granted = importHttpRoute(route([{ filters: [MIRROR], backendRefs: [{ name: 'stock', namespace: 'stock', port: 80 }] }]), context([
      ...GRANTS,
      { namespace: 'shop', name: 'g', from: [{ group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: 'stock' }], to: [{ group: '', kind: 'Service', name: 'shadow' }] },
    ]));
    expect(granted[0]!.problems).toEqual([]);
  });

  it('makes a policy for each backend, and none for those that share all pods with an earlier one', () => {
    const backendRefs = [{ ...CHECKOUT, weight: 9 }, { name: 'checkout-alias', port: 80, weight: 1 }, { name: 'cart', port: 80 }];
    expect(imported([{ filters: [MIRROR], backendRefs }]).map(({ name, spec }) => [name, spec !== null])).toEqual([
      ['httproute.r.0.checkout', true],
      ['httproute.r.0.cart', true],
    ]);
    expect(imported([{ filters: [MIRROR], backendRefs }])[1]).toMatchObject({ spec: { ports: ['http'] } });
  });

  it('leaves out a backend that shares some pods with another', () => {
    const [first, second] = imported([{ filters: [MIRROR], backendRefs: [CHECKOUT, { name: 'checkout-v2', port: 80 }] }]);
    expect(first!.spec).not.toBeNull();
    expect(second!.spec).toBeNull();
    expect(reasons(second!)).toEqual(['OverlappingBackends']);
  });

  it('takes a mirror of one backend for that backend alone', () => {
    const backendRefs = [{ ...CHECKOUT, filters: [MIRROR] }, { name: 'cart', port: 80 }];
    expect(imported([{ backendRefs }])).toMatchObject([{ spec: { selector: { matchLabels: { app: 'checkout' } }, targets: TARGETS } }]);
  });

  it.each<[string, object, object]>([
    ['a replaced prefix', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/v2' } }, { path: { type: 'PathPrefix', value: '/v2' }, headers: [HOST] }],
    ['a prefix that is taken away', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '' } }, { headers: [HOST] }],
    ['a replaced path', { path: { type: 'ReplaceFullPath', replaceFullPath: '/x' } }, { path: { type: 'Exact', value: '/x' }, headers: [HOST] }],
    ['a replaced host', { hostname: 'internal' }, { path: { type: 'PathPrefix', value: '/a' }, headers: [{ name: 'Host', type: 'RegularExpression', value: '(?i)internal(?::[0-9]+)?' }] }],
  ])('knows requests by how the pods get them: %s', (_, urlRewrite, match) => {
    const policy = only({ matches: [{ path: { value: '/a' } }], filters: [{ type: 'URLRewrite', urlRewrite }, MIRROR] });
    expect(policy).toMatchObject({ spec: { matches: [match] }, problems: [] });
  });

  it('does not mirror requests of another rule that look the same at the pods, and says so', () => {
    const rules = [
      { matches: [{ path: { value: '/old' } }], filters: [{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } } }], backendRefs: [CHECKOUT] },
      { filters: [MIRROR], backendRefs: [CHECKOUT] },
    ];
    const [policy] = imported(rules);
    expect(policy).toMatchObject({ spec: { excludes: [{ path: { value: '/old' } }, { path: { value: '/new' } }] } });
    expect(reasons(policy!)).toEqual(['Ambiguous']);
  });

  it('knows a header that is set, and gives up one that is taken away', () => {
    const matches = [{ headers: [{ name: 'x', value: '1' }] }];
    const modifier = (requestHeaderModifier: object): ImportedPolicy => only({ matches, filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier }, MIRROR] });
    expect(modifier({ set: [{ name: 'X', value: '2' }] })).toMatchObject({ spec: { matches: [{ headers: [HOST, { name: 'x', value: '2' }] }] }, problems: [] });
    expect(modifier({ set: [{ name: 'other', value: '2' }] })).toMatchObject({ spec: { matches: [{ headers: [HOST, { name: 'x', value: '1' }] }] }, problems: [] });
    const lost = modifier({ remove: ['x'] });
    expect(lost.spec).toBeNull();
    expect(reasons(lost)).toContain('ChangedBefore');
  });

  it('says that copies are made after all changes where the mirror is named before one', () => {
    const filters = [MIRROR, { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'other', value: '2' }] } }];
    expect(reasons(only({ filters }))).toEqual(['CopyAfterChange']);
  });

  it.each<[string, object]>([
    ['UnsupportedFilter', { filters: [MIRROR, { type: 'ExtensionRef', extensionRef: { group: 'example.com', kind: 'Auth', name: 'a' } }] }],
    ['UnknownField', { filters: [MIRROR], shadows: [] }],
    ['NoBackends', { filters: [MIRROR, { type: 'RequestRedirect', requestRedirect: {} }] }],
    ['UnsupportedMatch', { matches: [{ path: { type: 'Suffix', value: '/a' } }] }],
    ['UnsupportedMatch', { matches: [{ path: { type: 'RegularExpression', value: '(?=a)' } }] }],
    ['UnsupportedMatch', { matches: [{ headers: [{ name: 'x-forwarded-proto', value: 'https' }] }] }],
    ['UnsupportedMatch', { matches: [{ headers: [{ name: 'te', value: 'trailers' }] }] }],
    ['UnknownField', { matches: [{ cookies: [] }] }],
    ['HostMatch', { matches: [{ headers: [{ name: 'host', type: 'RegularExpression', value: '.*' }] }] }],
    ['NotExpressible', { matches: [{ path: { value: '/a b' } }] }],
    ['NotExpressible', { matches: [{ method: 'get' }] }],
  ])('mirrors nothing of a rule that it does not understand: %s', (reason, rule) => {
    const policy = only(rule);
    expect(policy.spec).toBeNull();
    expect(reasons(policy)).toContain(reason);
  });

  it('mirrors the other matches of a rule where one is not understood', () => {
    const policy = only({ matches: [{ path: { value: '/a' } }, { path: { type: 'Suffix', value: '/b' } }] });
    expect(policy).toMatchObject({ spec: { matches: [{ path: { value: '/a' } }] } });
    expect(reasons(policy)).toEqual(['UnsupportedMatch']);
  });

  it('is nothing but words where the route has no parent, or more than is understood', () => {
    for (const [reason, spec] of [['NoParent', { parentRefs: [] }], ['UnknownField', { mood: 'good' }]] as const) {
      const policy = only({}, spec);
      expect(policy.spec).toBeNull();
      expect(reasons(policy)).toContain(reason);
    }
  });

  it('knows requests to a Service that is the parent by the names of the Service', () => {
    const policy = only({}, { parentRefs: [{ group: '', kind: 'Service', name: 'checkout', port: 80 }] });
    expect(JSON.stringify(policy.spec)).toContain('checkout\\\\.shop\\\\.svc\\\\.cluster\\\\.local(?::80)?');
    expect(JSON.stringify(policy.spec)).not.toContain('example');
    expect(reasons(policy)).toEqual(['MeshParent']);
    expect(reasons(only({}, { parentRefs: [{ group: '', kind: 'Service', name: 'checkout', namespace: 'stock' }] }))).toContain('ConsumerRoute');
  });

  it('says what it means to have no host', () => {
    const policy = only({}, { hostnames: [] });
    expect(policy.spec).toEqual({ selector: { matchLabels: { app: 'checkout' } }, ports: [8080], targets: TARGETS });
    expect(reasons(policy)).toEqual(['AnyHost']);
  });

  it('takes hosts in any case, with a port, and wildcards for one or more labels', () => {
    const policy = only({}, { hostnames: ['*.shop.example'] });
    const [{ headers: [host] }] = (policy.spec as { matches: [{ headers: [{ value: string }] }] }).matches;
    const pattern = new RegExp(`^${host.value.replace('(?i)', '')}$`, 'i');
    expect(['a.shop.example', 'A.b.SHOP.example:8080'].every((name) => pattern.test(name))).toBe(true);
    expect(['shop.example', 'ashop.example', 'a.shop.example.com', 'a.shopxexample'].some((name) => pattern.test(name))).toBe(false);
  });

  it('spreads hosts over several matches where one pattern would be too large', () => {
    const hostnames = Array.from({ length: 16 }, (_, i) => `${'long-name-'.repeat(6)}${i}.example.com`);
    const policy = only({}, { hostnames });
    const { matches } = policy.spec as { matches: object[] };
    expect(matches.length).toBeGreaterThan(1);
    for (const hostname of hostnames) expect(JSON.stringify(matches)).toContain(hostname.split('.')[0]!.replaceAll('-', '-'));
    expect(policy.problems).toEqual([]);
  });

  it('refuses a route that is too large, and one that needs too many conditions', () => {
    const matches = Array.from({ length: 64 }, (_, i) => ({ path: { value: `/${i}` } }));
    const many = imported([{ filters: [MIRROR], matches, backendRefs: [CHECKOUT] }, ...Array.from({ length: 16 }, () => ({ matches, backendRefs: [CHECKOUT] }))]);
    expect(many).toMatchObject([{ spec: null, problems: [{ reason: 'TooLarge' }] }]);
    const patterns = Array.from({ length: 65 }, (_, i) => ({ path: { type: 'RegularExpression', value: `/${i}` } }));
    expect(only({ matches: patterns })).toMatchObject({ spec: null });
  });

  it('is made of any JSON without an exception', () => {
    const json = fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text));
    const rule = fc.record(
      { matches: json, filters: fc.oneof(json, fc.constant([MIRROR])), backendRefs: fc.oneof(json, fc.constant([CHECKOUT])) },
      { requiredKeys: [] },
    );
    const broken = fc.record(
      { parentRefs: json, hostnames: json, rules: fc.oneof(json, fc.array(rule)) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(json, broken.map((spec) => ({ metadata: { namespace: 'shop', name: 'r' }, spec }))), (object) => {
        for (const { spec, problems } of importHttpRoute(object, context())) expect(spec !== null || problems.length > 0).toBe(true);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 3000 },
    );
    const spec: unknown = JSON.parse('{"__proto__":[],"parentRefs":[{"group":"constructor","kind":"length"}]}');
    expect(importHttpRoute({ metadata: { namespace: 'shop', name: 'r' }, spec }, context())).toEqual([]);
  });
});
