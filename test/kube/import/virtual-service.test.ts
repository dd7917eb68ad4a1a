import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { importVirtualService } from '../../../src/kube/import/virtual-service.ts';
import { context } from './world.ts';

const ROUTE = [{ destination: { host: 'checkout' } }];
const MIRROR = { host: 'shadow' };
const HOST = { name: 'Host', type: 'RegularExpression', value: '(?i)shop\\.example(?::[0-9]+)?' };
const TARGETS = [{ backendRef: { name: 'shadow', port: 80 } }];

function imported(http: readonly object[], spec: object = {}): ImportedPolicy[] {
  return importVirtualService({ metadata: { namespace: 'shop', name: 'vs' }, spec: { hosts: ['shop.example'], http, ...spec } }, context());
}

/** The one policy of a route with these fields, which mirrors and has one destination. */
function only(route: object, spec: object = {}): ImportedPolicy {
  const policies = imported([{ route: ROUTE, mirror: MIRROR, ...route }], spec);
  expect(policies).toHaveLength(1);
  return policies[0]!;
}

function reasons({ problems }: ImportedPolicy): string[] {
  return problems.map(({ reason }) => reason);
}

describe('an imported VirtualService', () => {
  it('is a policy for the pods behind the destination, whose copies keep their host', () => {
    expect(only({ name: 'all' })).toEqual({
      namespace: 'shop',
      name: 'virtualservice.vs.all',
      origin: { kind: 'VirtualService', namespace: 'shop', name: 'vs', rule: 'all' },
      spec: { selector: { matchLabels: { app: 'checkout' } }, ports: [8080], matches: [{ headers: [HOST] }], targets: TARGETS },
      problems: [],
    });
  });

  it.each<[string, object, object[] | null]>([
    ['all where no share is given', {}, TARGETS],
    ['a share', { mirrorPercentage: { value: 12.5 } }, [{ ...TARGETS[0], percent: 12.5 }]],
    ['the deprecated whole number', { mirrorPercent: 7 }, [{ ...TARGETS[0], percent: 7 }]],
    ['the same in the spelling of protocol buffers', { mirror_percent: 7 }, [{ ...TARGETS[0], percent: 7 }]],
    ['the percentage before the deprecated one', { mirrorPercentage: { value: 5 }, mirrorPercent: 7 }, [{ ...TARGETS[0], percent: 5 }]],
    ['none with 0', { mirrorPercentage: { value: 0 } }, null],
    ['none with a percentage without a value', { mirrorPercentage: {} }, null],
    ['none with the deprecated 0', { mirrorPercent: 0 }, null],
    [
      'several mirrors',
      { mirror: undefined, mirrors: [{ destination: MIRROR, percentage: { value: 1 } }, { destination: { host: 'shadow.stock.svc.cluster.local', port: { number: 80 } } }, { destination: MIRROR, percentage: { value: 0 } }] },
      [{ ...TARGETS[0], percent: 1 }, { backendRef: { name: 'shadow', namespace: 'stock', port: 80 } }],
    ],
  ])('mirrors as Istio does: %s', (_, route, targets) => {
    const policies = imported([{ route: ROUTE, mirror: MIRROR, ...route }]);
    if (targets === null) expect(policies).toEqual([]);
    else expect(policies).toMatchObject([{ spec: { targets } }]);
  });

  it.each<[string, object, object]>([
    ['a prefix of text, not of elements', { uri: { prefix: '/api' } }, { path: { type: 'RegularExpression', value: '(?s)/api.*' } }],
    ['the root', { uri: { prefix: '/' } }, {}],
    ['an exact path', { uri: { exact: '/a.b' } }, { path: { type: 'Exact', value: '/a.b' } }],
    ['a pattern', { uri: { regex: '/v[0-9]+/.*' } }, { path: { type: 'RegularExpression', value: '/v[0-9]+/.*' } }],
    ['a path in any case', { uri: { exact: '/a.b' }, ignoreUriCase: true }, { path: { type: 'RegularExpression', value: '(?is)/a\\.b' } }],
    ['a pattern, whose case counts', { uri: { regex: '/a' }, ignoreUriCase: true }, { path: { type: 'RegularExpression', value: '/a' } }],
    ['a method', { method: { exact: 'GET' } }, { method: 'GET' }],
    ['a query parameter', { queryParams: { v: { exact: '2' } } }, { queryParams: [{ name: 'v', type: 'Exact', value: '2' }] }],
  ])('says %s in the language of policies', (_, match, expected) => {
    expect(only({ match: [match] })).toMatchObject({ spec: { matches: [{ ...expected, headers: [HOST] }] }, problems: [] });
    expect(Object.keys((only({ match: [match] }).spec as { matches: [object] }).matches[0]).sort()).toEqual(['headers', ...Object.keys(expected)].sort());
  });

  it.each<[string, object, object]>([
    ['exact', { exact: '1' }, { type: 'Exact', value: '1' }],
    ['prefix', { prefix: 'a.' }, { type: 'RegularExpression', value: '(?s)a\\..*' }],
    ['regex', { regex: 'a|b' }, { type: 'RegularExpression', value: 'a|b' }],
    ['presence', {}, { type: 'RegularExpression', value: '(?s).*' }],
    ['the star of presence', { regex: '*' }, { type: 'RegularExpression', value: '(?s).*' }],
  ])('says a condition on a header in the language of policies: %s', (_, condition, expected) => {
    const headers = { 'x-tenant': condition, uri: { exact: 'ignored' } };
    expect(only({ match: [{ headers }] })).toMatchObject({ spec: { matches: [{ headers: [HOST, { name: 'x-tenant', ...expected }] }] }, problems: [] });
  });

  it('writes a list of methods out', () => {
    expect(only({ match: [{ method: { regex: 'GET|POST' } }] })).toMatchObject({ spec: { matches: [{ method: 'GET' }, { method: 'POST' }] }, problems: [] });
  });

  it('leaves to earlier routes what they take, and nothing to later ones', () => {
    const http = [
      { match: [{ uri: { exact: '/a' } }], route: ROUTE },
      { match: [{ uri: { exact: '/r' } }], redirect: { uri: '/' } },
      { match: [{ uri: { prefix: '/' } }], route: ROUTE, mirror: MIRROR },
      { route: ROUTE },
    ];
    expect(imported(http)).toMatchObject([{ spec: { excludes: [{ path: { type: 'Exact', value: '/a' } }, { path: { type: 'Exact', value: '/r' } }] }, problems: [] }]);
  });

  it('says why nothing is left for a route behind one that takes everything', () => {
    const [policy] = imported([{ route: ROUTE }, { route: ROUTE, mirror: MIRROR }]);
    expect(policy).toMatchObject({ spec: null, problems: [{ reason: 'NothingLeft' }] });
  });

  it('takes withoutHeaders as excludes, and sources as from', () => {
    const policy = only({ match: [{ withoutHeaders: { x: { exact: '1' } }, sourceLabels: { app: 'web' }, sourceNamespace: 'front' }] });
    expect(policy).toMatchObject({
      spec: {
        from: [{ podSelector: { matchLabels: { app: 'web' } }, namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'front' } } }],
        excludes: [{ headers: [{ name: 'x', type: 'Exact', value: '1' }] }],
      },
    });
    expect(reasons(policy)).toEqual(['SourceByAddress']);
  });

  it.each<[string, object]>([
    ['the scheme', { scheme: { exact: 'https' } }],
    ['the port', { port: 8080 }],
    ['a claim of a token', { headers: { '@request.auth.claims.sub': { exact: 'x' } } }],
    ['a pseudo header', { headers: { ':path': { exact: 'x' } } }],
    ['a header of proxies', { headers: { 'x-forwarded-proto': { exact: 'https' } } }],
    ['a pattern for methods', { method: { regex: 'P.*' } }],
    ['a text that is two things', { uri: { exact: '/a', prefix: '/b' } }],
    ['a prefix of a parameter', { queryParams: { v: { prefix: 'a' } } }],
    ['one gateway of two', { gateways: ['front'] }],
    ['what is missing or empty', { withoutHeaders: { x: { exact: '' } } }],
    ['what RE2 does not have', { uri: { regex: '(?=a)' } }],
  ])('mirrors nothing by a condition that cannot be expressed, and leaves to it what may fit it: %s', (_, match) => {
    const spec = { gateways: ['mesh', 'front'] };
    const policy = only({ match: [match] }, spec);
    expect(policy.spec).toBeNull();
    expect(reasons(policy)).toContain('UnsupportedMatch');
    const [, later] = imported([{ match: [{ uri: { prefix: '/a' }, ...match }], route: ROUTE }, { route: ROUTE, mirror: MIRROR }].map((route) => ({ ...route, mirror: MIRROR })), spec);
    expect(reasons(later!)).toContain('PrecedenceInexact');
  });

  it('knows a Service by all of its names in the mesh, and by the longest alone at gateways', () => {
    const names = (gateways: string[]): string => JSON.stringify(only({}, { hosts: ['checkout'], gateways }).spec);
    expect(names(['mesh'])).toContain('(?i)(?:checkout(?::[0-9]+)?|checkout\\\\.shop(?');
    expect(names(['front'])).not.toContain('checkout(?');
    expect(names(['front'])).toContain('(?i)checkout\\\\.shop\\\\.svc\\\\.cluster\\\\.local(?');
  });

  it('joins an exact authority with the hosts', () => {
    expect(only({ match: [{ authority: { exact: 'shop.example' } }] })).toMatchObject({ spec: { matches: [{ headers: [{ name: 'Host', type: 'Exact', value: 'shop.example' }] }] } });
    expect(reasons(only({ match: [{ authority: { exact: 'other' } }] }))).toEqual(['NothingMatches']);
    expect(reasons(only({ match: [{ authority: { prefix: 'shop' } }] }))).toContain('HostMatch');
  });

  it.each<[string, object, object]>([
    ['a prefix, as text', { match: [{ uri: { prefix: '/a/' } }], rewrite: { uri: '/b' } }, { path: { type: 'RegularExpression', value: '(?s)/b.*' }, headers: [HOST] }],
    ['an exact path', { match: [{ uri: { exact: '/a' } }], rewrite: { uri: '/b' } }, { path: { type: 'Exact', value: '/b' }, headers: [HOST] }],
    ['the authority', { rewrite: { authority: 'internal:8080' } }, { headers: [{ name: 'Host', type: 'Exact', value: 'internal:8080' }] }],
  ])('knows rewritten requests by how the pods get them: %s', (_, route, match) => {
    expect(only(route)).toMatchObject({ spec: { matches: [match] }, problems: [] });
  });

  it.each<[string, object]>([
    ['Subset', { route: [{ destination: { host: 'checkout', subset: 'v1' } }] }],
    ['Subset', { mirror: { host: 'shadow', subset: 'v2' } }],
    ['BackendNotFound', { route: [{ destination: { host: 'api.example.com' } }] }],
    ['PortNotFound', { route: [{ destination: { host: 'checkout', port: { number: 81 } } }] }],
    ['UnsupportedTarget', { mirror: { host: 'shadow.example.com' } }],
    ['TargetNotFound', { mirror: { host: 'nobody' } }],
    ['PortUnknown', { mirror: { host: 'wide' } }],
    ['InvalidShare', { mirrorPercentage: { value: 101 } }],
    ['Malformed', { mirrorPercentage: { value: 'ten' } }],
    ['UnknownField', { mirrorMood: 'good' }],
    ['ChangedBefore', { match: [{ uri: { prefix: '/a' } }], rewrite: { uriRegexRewrite: { match: 'a', rewrite: 'b' } } }],
    ['NoBackends', { route: [], redirect: { uri: '/' } }],
    ['Delegate', { delegate: { name: 'other' } }],
  ])('says what cannot be expressed: %s', (reason, route) => {
    const policies = imported([{ route: ROUTE, mirror: MIRROR, ...route }]).filter(({ spec }) => spec === null);
    expect(policies.flatMap(reasons)).toContain(reason);
  });

  it('leaves nothing to a route beside one that is delegated: what becomes of those requests is not known', () => {
    const [policy] = imported([{ match: [{ uri: { prefix: '/a' } }], delegate: { name: 'other' } }, { route: ROUTE, mirror: MIRROR }]);
    expect(policy!.spec).toBeNull();
    expect(reasons(policy!)).toEqual(expect.arrayContaining(['Ambiguous', 'NothingLeft']));
  });

  it('takes all ports of a Service where the destination names none', () => {
    expect(only({ route: [{ destination: { host: 'wide' } }] })).toMatchObject({ spec: { ports: [8080, 8081] } });
  });

  it('does not look at weights where there is one destination, and leaves out those of 0 among several', () => {
    expect(only({ route: [{ ...ROUTE[0], weight: 0 }] }).spec).not.toBeNull();
    expect(imported([{ route: [{ ...ROUTE[0], weight: 100 }, { destination: { host: 'cart' }, weight: 0 }], mirror: MIRROR }])).toHaveLength(1);
  });

  it('is nothing but words where it is for some namespaces, or for others to delegate to', () => {
    expect(reasons(only({}, { exportTo: ['.'] }))).toEqual(['ExportTo']);
    expect(reasons(only({}, { hosts: [] }))).toContain('Delegate');
    expect(only({}, { exportTo: ['*'] }).problems).toEqual([]);
  });

  it('is made of any JSON without an exception', () => {
    const json = fc.json({ maxDepth: 4 }).map((text): unknown => JSON.parse(text));
    const route = fc.record({ match: json, route: fc.oneof(json, fc.constant(ROUTE)), mirror: fc.oneof(json, fc.constant(MIRROR)), rewrite: json, headers: json, mirrors: json }, { requiredKeys: [] });
    const spec = fc.record({ hosts: fc.oneof(json, fc.constant(['checkout'])), gateways: json, http: fc.oneof(json, fc.array(route)) }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(json, spec.map((made) => ({ metadata: { namespace: 'shop', name: 'vs' }, spec: made }))), (object) => {
        for (const policy of importVirtualService(object, context())) expect(policy.spec !== null || policy.problems.length > 0).toBe(true);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 3000 },
    );
  });
});
