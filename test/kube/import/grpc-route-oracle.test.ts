import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importGrpcRoute } from '../../../src/kube/import/gateway-route.ts';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { chooseCall, forwarded, mirrored, type Choices, type GrpcMatch, type GrpcRouteSpec, type HttpBackend, type HttpFilter, type Value } from './gateway-model.ts';
import { Agents, context, isWhole, isWithin, podsBehind, type Request } from './world.ts';

const SECONDS = 3;
const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const value: fc.Arbitrary<Value> = fc.record({ name: some('x', 'Y'), type: some('Exact' as const, 'Exact' as const, 'RegularExpression' as const), value: some('1', '2', '12') });
const headers = fc.uniqueArray(value, { selector: ({ name }) => name, maxLength: 2 });
const exact = fc.record({ type: fc.constant('Exact' as const), service: some('', 'a.B', 'a.Bc', 'c'), method: some('', 'Get', 'GetAll') });
const pattern = fc.record({ type: fc.constant('RegularExpression' as const), service: some('', 'a\\..*', 'B', '.*'), method: some('', 'Get.*', 'All') });
const match: fc.Arbitrary<GrpcMatch> = fc.record(
  { method: fc.oneof({ weight: 4, arbitrary: exact }, { weight: 1, arbitrary: pattern }), headers },
  { requiredKeys: [] },
);
const mirror: fc.Arbitrary<HttpFilter> = fc.record({
  type: fc.constant('RequestMirror' as const),
  requestMirror: fc.record(
    { backendRef: some({ name: 'shadow', port: 80 }, { name: 'shadow2', port: 80 }, { name: 'shadow', namespace: 'stock', port: 80 }), percent: some(0, 100) },
    { requiredKeys: ['backendRef'] },
  ),
});
const change: fc.Arbitrary<HttpFilter> = fc.record({
  type: fc.constant('RequestHeaderModifier' as const),
  requestHeaderModifier: some<{ set?: { name: string; value: string }[]; remove?: string[] }>({ set: [{ name: 'X', value: '1' }] }, { remove: ['y'] }),
});

/** How much of the language a route uses. */
interface Profile { readonly patterns: boolean; readonly changes: boolean }

function routes({ patterns, changes }: Profile): fc.Arbitrary<GrpcRouteSpec> {
  const own = (entry: GrpcMatch): boolean => patterns || !JSON.stringify(entry).includes('RegularExpression');
  const filters = fc
    .tuple(fc.array(mirror, { maxLength: 2 }), fc.option(change, { freq: 2 }))
    .map(([mirrors, header]): HttpFilter[] => [...(header === null || !changes ? [] : [header]), ...mirrors]);
  const backend: fc.Arbitrary<HttpBackend> = some({ name: 'checkout', port: 80 }, { name: 'checkout', port: 80 }, { name: 'cart', port: 80 }, { name: 'stock', namespace: 'stock', port: 80 });
  const rule = fc.record({
    matches: fc.array(match.filter(own), { minLength: 1, maxLength: 3 }),
    filters,
    backendRefs: fc.array(backend, { minLength: 1, maxLength: 1 }),
  });
  return fc.record({
    parentRefs: fc.constant([{ name: 'gateway' }]),
    hostnames: some(['shop.example'], ['*.shop.example', 'internal']),
    rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
  });
}

const call: fc.Arbitrary<Request> = fc.record({
  version: fc.constant('HTTP/2'),
  method: fc.constant('POST'),
  path: some('/a.B/Get', '/a.B/GetAll', '/a.Bc/Get', '/c/Get', '/c/List', '/d.B/GetAll', '/xa.B/Get'),
  query: fc.constant([]),
  headers: fc
    .tuple(some('shop.example', 'www.shop.example:8080', 'internal', 'other'), some('application/grpc', 'application/grpc+proto'), fc.option(some('1', '2')), fc.option(some('1', '12')))
    .map(([host, type, x, y]) => ({ host, 'content-type': type, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }) })),
  client: fc.constant(0),
});

/** All ways in which implementations may differ. */
const CHOICES: readonly Choices[] = [
  { patterns: 'first', search: false },
  { patterns: 'last', search: false },
  { patterns: 'first', search: true },
  { patterns: 'last', search: true },
];

describe('an imported GRPCRoute, held against a model of the Gateway API', () => {
  it.each<[string, Profile, readonly Kind[]]>([
    ['with names alone', { patterns: false, changes: false }, ['mirrored', 'whole', 'left']],
    ['with patterns', { patterns: true, changes: false }, ['mirrored', 'whole', 'partly', 'left']],
    ['that changes calls', { patterns: true, changes: true }, ['mirrored', 'whole', 'partly', 'left']],
  ])('%s, mirrors nothing that the route would not mirror, and all of it where no problem is named', (_, profile, kinds) => {
    const seen: Record<Kind, number> = { mirrored: 0, whole: 0, partly: 0, left: 0 };
    const trial = fc.property(routes(profile), fc.array(call, { minLength: 20, maxLength: 20 }), (route, calls) => {
      const imported = importGrpcRoute({ metadata: { namespace: 'shop', name: 'r' }, spec: route }, context());
      const agents = new Agents(imported);
      for (const sent of calls) for (const choices of CHOICES) hold(route, sent, choices, imported, agents, seen);
    });
    fc.assert(trial, { numRuns: 20_000, interruptAfterTimeLimit: SECONDS * 1000 });
    // Cases of every kind have been there, or this would have shown little.
    for (const kind of kinds) expect(seen[kind], kind).toBeGreaterThan(5);
  }, 30_000);
});

type Kind = 'mirrored' | 'whole' | 'partly' | 'left';

/** Sends a call, and the same as a request that is none, through the model to every pod that it may reach, and compares. */
function hold(route: GrpcRouteSpec, sent: Request, choices: Choices, imported: readonly ImportedPolicy[], agents: Agents, seen: Record<Kind, number>): void {
  const choice = chooseCall(route, sent, choices);
  if (choice === null) return;
  const rule = route.rules[choice.rule]!;
  const whole = isWhole(imported, choice.rule);
  for (const target of rule.backendRefs) {
    const expected = mirrored(rule, target, 'shop');
    const arriving = forwarded(sent, choice, route, target);
    for (const pod of podsBehind(target.namespace ?? 'shop', target.name)) {
      const copies = agents.copies(arriving, pod);
      if (!isWithin(copies, expected) || (whole && copies.length !== expected.length)) {
        throw new Error(`copies to ${JSON.stringify(copies)}, and not to ${JSON.stringify(expected)}: ${JSON.stringify({ sent, rule: choice.rule, pod: pod.name, imported })}`);
      }
      expect(agents.copies({ ...arriving, version: 'HTTP/1.1' }, pod)).toEqual([]);
      if (expected.length === 0) seen.left++;
      if (copies.length === 0) continue;
      seen.mirrored++;
      seen[whole ? 'whole' : 'partly']++;
    }
  }
}
