import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { importVirtualService } from '../../../src/kube/import/virtual-service.ts';
import { choose, forwarded, mirrored, used, type IstioDestination, type IstioMatch, type IstioRoute, type Text, type VirtualServiceSpec } from './istio-model.ts';
import { Agents, context, isWhole, isWithin, podsBehind, type Request } from './world.ts';

const SECONDS = 3;
const PATHS = ['/', '/a', '/a/', '/a/b', '/ab', '/A/b', '/b', '/v1', '/v1/a'];
const NAMES = ['checkout', 'checkout.shop', 'checkout.shop.svc', 'checkout.shop.svc.cluster.local', 'shop.example'];

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const text = some<Text>({ exact: '1' }, { exact: '' }, { prefix: '1' }, { regex: '[12]' }, { regex: '.*' }, { regex: '*' }, {});
const byName = fc.dictionary(some('x', 'y'), text, { maxKeys: 2 });
const query = fc.dictionary(some('x', 'y'), text.filter((condition) => !('prefix' in condition)), { maxKeys: 1 });
const match: fc.Arbitrary<IstioMatch> = fc.record(
  {
    uri: fc.oneof(
      { weight: 4, arbitrary: some(...PATHS).map((prefix) => ({ prefix })) },
      { weight: 2, arbitrary: some(...PATHS).map((exact) => ({ exact })) },
      { weight: 1, arbitrary: some('/a.*', '/[ab](/.*)?', '*').map((regex) => ({ regex })) },
    ),
    ignoreUriCase: fc.boolean(),
    method: some<Text>({ exact: 'GET' }, { regex: 'GET|POST' }, { regex: '^(PUT|GET)$' }, { prefix: 'P' }),
    authority: some<Text>({ exact: 'checkout.shop' }, { exact: 'other' }, { prefix: 'shop' }),
    headers: byName,
    queryParams: query,
  },
  { requiredKeys: [] },
);
/** Without the host and the query, which are rarely asked for. */
const plain = match.map(({ authority: _, queryParams: __, ...rest }): IstioMatch => rest);
const special: fc.Arbitrary<IstioMatch> = fc.record(
  { uri: some(...PATHS).map((prefix) => ({ prefix })), withoutHeaders: byName, sourceLabels: some({ app: 'web' }, { app: 'job' }), sourceNamespace: some('shop', 'stock') },
  { requiredKeys: [] },
);

interface Profile { readonly specials: boolean; readonly changes: boolean }

function services({ specials, changes }: Profile): fc.Arbitrary<VirtualServiceSpec> {
  const headers = some({ request: { set: { x: '1' } } }, { request: { remove: ['y'] } }, { request: { add: { x: '2' } } }, { request: { set: { unseen: '1' } } });
  const destination: fc.Arbitrary<IstioDestination> = fc.record(
    {
      destination: some({ host: 'checkout' }, { host: 'cart', port: { number: 80 } }, { host: 'checkout-v2.shop.svc.cluster.local' }, { host: 'missing' }),
      weight: some(0, 50),
      ...(changes ? { headers } : {}),
    },
    { requiredKeys: ['destination'] },
  );
  const mirror = { destination: some({ host: 'shadow' }, { host: 'shadow2' }), percentage: some({ value: 100 }, { value: 0 }, {}) };
  const route: fc.Arbitrary<IstioRoute> = fc.record(
    {
      match: fc.array(specials ? fc.oneof(match, special) : plain, { maxLength: 3 }),
      route: fc.array(destination, { minLength: 1, maxLength: specials ? 2 : 1 }),
      mirror: fc.constant({ host: 'shadow' }),
      mirrorPercentage: some({ value: 100 }, { value: 0 }, {}),
      mirrors: fc.array(fc.record(mirror, { requiredKeys: ['destination'] }), { maxLength: 2 }),
      ...(changes ? { headers, rewrite: fc.record({ uri: some('/', '/v1', '/b', '/a/'), authority: fc.constant('internal') }, { requiredKeys: [] }) } : {}),
    },
    { requiredKeys: ['route'] },
  );
  const redirect: fc.Arbitrary<IstioRoute> = fc.record({ match: fc.array(match, { minLength: 1, maxLength: 1 }), redirect: fc.constant({ uri: '/' }) });
  return fc.record({
    hosts: some(['checkout'], ['checkout.shop.svc.cluster.local', 'shop.example']),
    http: fc.array(fc.oneof({ weight: 5, arbitrary: route }, { weight: 1, arbitrary: redirect }), { minLength: 1, maxLength: 4 }),
  });
}

const request: fc.Arbitrary<Request> = fc.record({
  method: some('GET', 'POST', 'PUT'),
  path: some(...PATHS, '/a/b/c', '/abc', '/v1b'),
  query: fc.uniqueArray(fc.tuple(some('x', 'y'), some('1', '2', '')), { selector: ([name]) => name, maxLength: 2 }),
  headers: fc
    .tuple(some(...NAMES, 'Checkout:80', 'other'), fc.option(some('1', '12')), fc.option(some('1', '')))
    .map(([host, x, y]) => ({ host, ...(x === null ? {} : { x }), ...(y === null ? {} : { y }) })),
  client: some(0, 1),
});

type Kind = 'mirrored' | 'whole' | 'partly' | 'changed' | 'left';

describe('an imported VirtualService, held against a model of Istio', () => {
  it.each<[string, Profile, readonly Kind[]]>([
    ['with plain matches', { specials: false, changes: false }, ['mirrored', 'whole', 'left']],
    ['with sources and what may not be there', { specials: true, changes: false }, ['mirrored', 'whole', 'partly', 'left']],
    ['that changes requests', { specials: false, changes: true }, ['mirrored', 'whole', 'partly', 'changed', 'left']],
    ['with everything', { specials: true, changes: true }, ['mirrored', 'whole', 'partly', 'left']],
  ])('%s, mirrors nothing that Istio would not mirror, and all of it where no problem is named', (_, profile, kinds) => {
    const seen: Record<Kind, number> = { mirrored: 0, whole: 0, partly: 0, changed: 0, left: 0 };
    const trial = fc.property(services(profile), fc.array(request, { minLength: 20, maxLength: 20 }), (spec, requests) => {
      const imported = importVirtualService({ metadata: { namespace: 'shop', name: 'vs' }, spec }, context());
      const agents = new Agents(imported);
      for (const sent of requests) hold(spec, sent, imported, agents, seen);
    });
    fc.assert(trial, { numRuns: 20_000, interruptAfterTimeLimit: SECONDS * 1000 });
    for (const kind of kinds) expect(seen[kind], kind).toBeGreaterThan(5);
  }, 30_000);
});

/** Sends a request through the model to every pod that it may reach, and compares. */
function hold(spec: VirtualServiceSpec, sent: Request, imported: readonly ImportedPolicy[], agents: Agents, seen: Record<Kind, number>): void {
  const choice = choose(spec, spec.hosts.length === 1 ? NAMES.slice(0, 4) : NAMES, sent);
  if (choice === null) return;
  const rule = spec.http[choice.rule]!;
  const whole = isWhole(imported, choice.rule);
  const expected = mirrored(rule, 'shop');
  for (const destination of used(rule)) {
    const arriving = forwarded(sent, choice, spec, destination);
    for (const pod of podsBehind('shop', destination.destination.host.split('.')[0]!)) {
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
