import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importHttpRoute } from '../../../src/kube/import/gateway-route.ts';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { choose, forwarded, mirrored, type Choices, type HttpBackend, type HttpFilter, type HttpMatch, type HttpRouteSpec, type HttpRule, type Value } from './gateway-model.ts';
import { Agents, context, isWhole, isWithin, podsBehind, type Request } from './world.ts';

const SECONDS = 3;
const PATHS = ['/', '/a', '/a/b', '/a/', '/ab', '/b', '/v1/a', '/v1'];
const HOSTS = ['shop.example', 'www.shop.example', 'internal'];

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name: some('x', 'Y'), type: fc.constant('Exact' as const), value: some('1', '2') }) },
  { weight: 1, arbitrary: fc.record({ name: some('x', 'Y'), type: fc.constant('RegularExpression' as const), value: some('1', '[12]', '.*2') }) },
);
const path = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('PathPrefix' as const), value: some(...PATHS) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('Exact' as const), value: some(...PATHS) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('RegularExpression' as const), value: some('/a.*', '/[ab]', 'b') }) },
);
const values = fc.uniqueArray(value, { selector: ({ name }) => name, maxLength: 2 });
const match: fc.Arbitrary<HttpMatch> = fc.record(
  { path, method: some('GET', 'POST'), headers: values, queryParams: values },
  { requiredKeys: [] },
);
const mirror: fc.Arbitrary<HttpFilter> = fc.record({
  type: fc.constant('RequestMirror' as const),
  requestMirror: fc.record(
    { backendRef: some({ name: 'shadow', port: 80 }, { name: 'shadow2', port: 80 }, { name: 'shadow', namespace: 'stock', port: 80 }), percent: some(0, 100) },
    { requiredKeys: ['backendRef'] },
  ),
});
const headerChange: fc.Arbitrary<HttpFilter> = fc.record({
  type: fc.constant('RequestHeaderModifier' as const),
  requestHeaderModifier: some<{ set?: { name: string; value: string }[]; remove?: string[] }>(
    { set: [{ name: 'X', value: '1' }] },
    { remove: ['y'] },
    { set: [{ name: 'unseen', value: '1' }] },
  ),
});
const rewrite: fc.Arbitrary<HttpFilter> = fc.record({
  type: fc.constant('URLRewrite' as const),
  urlRewrite: fc.record(
    {
      hostname: fc.constant('internal'),
      path: fc.oneof(
        fc.record({ type: fc.constant('ReplaceFullPath' as const), replaceFullPath: some('/b', '/fixed') }),
        fc.record({ type: fc.constant('ReplacePrefixMatch' as const), replacePrefixMatch: some('/', '', '/v1', '/a', '/b/') }),
      ),
    },
    { requiredKeys: [] },
  ),
});
/** How much of the language a route uses: few things combined often find what many combined seldom do not. */
interface Profile { readonly patterns: boolean; readonly changes: boolean; readonly ofBackends: boolean }

function routes({ patterns, changes, ofBackends }: Profile): fc.Arbitrary<HttpRouteSpec> {
  const own = (entry: HttpMatch): boolean => patterns || !JSON.stringify(entry).includes('RegularExpression');
  const filters = fc
    .tuple(fc.array(mirror, { maxLength: 2 }), fc.option(headerChange, { freq: 2 }), fc.option(rewrite, { freq: 2 }))
    .map(([mirrors, header, url]): HttpFilter[] => [...(header === null || !changes ? [] : [header]), ...(url === null || !changes ? [] : [url]), ...mirrors]);
  const backend: fc.Arbitrary<HttpBackend> = fc.record(
    {
      name: ofBackends ? some('checkout', 'checkout', 'checkout-v2', 'checkout-alias', 'cart', 'missing') : some('checkout', 'cart'),
      port: fc.constant(80),
      weight: some(0, 1, 5),
      filters: ofBackends ? fc.oneof({ weight: 4, arbitrary: fc.constant<HttpFilter[]>([]) }, { weight: 1, arbitrary: filters }) : fc.constant<HttpFilter[]>([]),
    },
    { requiredKeys: ['name', 'port'] },
  );
  const elsewhere: fc.Arbitrary<HttpBackend> = fc.constant({ name: 'stock', namespace: 'stock', port: 80 });
  const rule: fc.Arbitrary<HttpRule> = fc.record({
    matches: fc.array(match.filter(own), { minLength: 1, maxLength: 3 }),
    filters,
    backendRefs: fc.array(fc.oneof({ weight: 9, arbitrary: backend }, { weight: 1, arbitrary: elsewhere }), { minLength: 1, maxLength: ofBackends ? 2 : 1 }),
  });
  return fc
    .record(
      {
        parentRefs: fc.constant([{ name: 'gateway' }]),
        hostnames: some(['shop.example'], ['*.shop.example', 'internal'], ['*.shop.example']),
        rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
      },
      { requiredKeys: ['parentRefs', 'rules'] },
    )
    .filter(isAllowed);
}

const request: fc.Arbitrary<Request> = fc.record({
  method: some('GET', 'POST'),
  path: some(...PATHS, '/a/b/c', '/fixed', '/c', '/v1/b', '/b/x'),
  query: fc.uniqueArray(fc.tuple(some('x', 'Y'), some('1', '2', '12')), { selector: ([name]) => name, maxLength: 2 }),
  headers: fc
    .tuple(some(...HOSTS, 'SHOP.example:8080', 'other'), fc.option(some('1', '2')), fc.option(some('1', '12')))
    .map(([host, x, y]) => ({ host, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }) })),
  client: fc.constant(0),
});

/** ReplacePrefixMatch goes with exactly one PathPrefix match (validation of the API). */
function isAllowed({ rules }: HttpRouteSpec): boolean {
  return rules.every(({ matches = [{}], filters: own = [], backendRefs }) => {
    const all = [own, ...backendRefs.map((ref) => ref.filters ?? [])];
    const byPrefix = all.flat().some((filter) => filter.type === 'URLRewrite' && filter.urlRewrite.path?.type === 'ReplacePrefixMatch');
    return !byPrefix || (matches.length === 1 && (matches[0]!.path === undefined || matches[0]!.path.type === 'PathPrefix'));
  });
}

/** All ways in which implementations may differ. */
const CHOICES: readonly Choices[] = [
  { patterns: 'first', search: false },
  { patterns: 'last', search: false },
  { patterns: 'first', search: true },
  { patterns: 'last', search: true },
];

describe('an imported HTTPRoute, held against a model of the Gateway API', () => {
  it.each<[string, Profile, readonly Kind[]]>([
    ['with texts alone', { patterns: false, changes: false, ofBackends: false }, ['mirrored', 'whole', 'left']],
    ['with patterns', { patterns: true, changes: false, ofBackends: false }, ['mirrored', 'whole', 'partly', 'left']],
    ['that changes requests', { patterns: false, changes: true, ofBackends: false }, ['mirrored', 'whole', 'partly', 'changed', 'left']],
    ['with everything', { patterns: true, changes: true, ofBackends: true }, ['mirrored', 'whole', 'partly', 'changed', 'left']],
  ])('%s, mirrors nothing that the route would not mirror, and all of it where no problem is named', (_, profile, kinds) => {
    const seen: Record<Kind, number> = { mirrored: 0, whole: 0, partly: 0, changed: 0, left: 0 };
    const trial = fc.property(routes(profile), fc.array(request, { minLength: 20, maxLength: 20 }), (route, requests) => {
      const imported = importHttpRoute({ metadata: { namespace: 'shop', name: 'r' }, spec: route }, context());
      const agents = new Agents(imported);
      for (const sent of requests) for (const choices of CHOICES) hold(route, sent, choices, imported, agents, seen);
    });
    fc.assert(trial, { numRuns: 20_000, interruptAfterTimeLimit: SECONDS * 1000 });
    // Cases of every kind have been there, or this would have shown little.
    for (const kind of kinds) expect(seen[kind], kind).toBeGreaterThan(5);
  }, 30_000);
});

type Kind = 'mirrored' | 'whole' | 'partly' | 'changed' | 'left';

/** Sends a request through the model to every pod that it may reach, and compares. */
function hold(route: HttpRouteSpec, sent: Request, choices: Choices, imported: readonly ImportedPolicy[], agents: Agents, seen: Record<Kind, number>): void {
  const choice = choose(route, sent, choices);
  if (choice === null) return;
  const rule = route.rules[choice.rule]!;
  const whole = isWhole(imported, choice.rule);
  for (const target of rule.backendRefs.filter(({ weight }) => weight !== 0)) {
    const expected = mirrored(rule, target, 'shop');
    const arriving = forwarded(sent, choice, route, target);
    for (const pod of podsBehind(target.namespace ?? 'shop', target.name)) {
      const copies = agents.copies(arriving, pod);
      if (!isWithin(copies, expected) || (whole && copies.length !== expected.length)) {
        throw new Error(`copies to ${JSON.stringify(copies)}, and not to ${JSON.stringify(expected)}: ${JSON.stringify({ sent, rule: choice.rule, pod: pod.name, imported })}`);
      }
      if (expected.length === 0) seen.left++;
      if (copies.length === 0) continue;
      seen.mirrored++;
      seen[whole ? 'whole' : 'partly']++;
      if (arriving.path !== sent.path) seen.changed++;
    }
  }
}
