import { describe, expect, it } from 'vitest';
import { HttpRequest } from '../../src/http/exchange.ts';
import type { OutgoingRequest } from '../../src/mirror/http-client.ts';
import { buildCopy } from '../../src/mirror/rewrite.ts';
import { rewriteRules } from '../../src/mirror/rewrite-rules.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { asOnWire } from '../../src/policy/request-view.ts';
import { policy } from '../policy/support.ts';

const KEYS = hashKeys('a secret for tests');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: string[];
}

function copyOf(spec: Record<string, unknown>, { method = 'GET', target = '/', headers = [] }: Sent, url = 'http://mirror:8080', name = 'p'): OutgoingRequest {
  const one = policy(spec, name);
  const request = Object.assign(new HttpRequest(), { method, target, headers: ['Host', 'shop', ...headers] });
  const copy = buildCopy(request, null, rewriteRules(one, one.spec.targets[0]!, new URL(url), 'shadowtap-mirrored', KEYS));
  if (copy === null) throw new Error('withheld');
  return copy;
}

function withFilters(filters: unknown[], spec: Record<string, unknown> = {}): Record<string, unknown> {
  return { targets: [{ url: 'http://mirror:8080', filters }], ...spec };
}

const prefix = (value: string): object => ({ path: { type: 'PathPrefix', value } });
const replacePrefix = (replacePrefixMatch: string): object => ({
  type: 'URLRewrite',
  urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch } },
});
const query = (queryModifier: object): object => ({ type: 'QueryModifier', queryModifier });

/** Value of a header of the copy, in lower case; several joined; null where it is not there. */
function header(copy: OutgoingRequest, name: string): string | null {
  const values: string[] = [];
  for (let i = 0; i < copy.headers.length; i += 2) if (copy.headers[i]!.toLowerCase() === name) values.push(copy.headers[i + 1]!);
  return values.length === 0 ? null : values.join(' | ');
}

describe('URLRewrite', () => {
  // The table of the Gateway API's documentation of ReplacePrefixMatch, and what it leaves open.
  it.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo/bar?a=/foo', '/foo', '/xyz', '/xyz/bar?a=/foo'],
    ['/foo?q', '/foo', '', '/?q'],
    ['/bar', '/', '/xyz', '/xyz/bar'],
    ['http://h/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ])('turns %s with the prefix %s and the replacement %j into %s', (target, matched, replacement, expected) => {
    expect(copyOf(withFilters([replacePrefix(replacement)], { matches: [prefix(matched)] }), { target }).path).toBe(expected);
  });

  it('replaces the prefix of the longest match that the request fits', () => {
    const matches = [prefix('/a'), { ...prefix('/a/b'), method: 'POST' }, prefix('/other')];
    const spec = withFilters([replacePrefix('/x')], { matches });
    expect(copyOf(spec, { target: '/a/b/c' }).path).toBe('/x/b/c');
    expect(copyOf(spec, { target: '/a/b/c', method: 'POST' }).path).toBe('/x/c');
    expect(copyOf(spec, { target: '/other' }).path).toBe('/x');
  });

  it('takes the root for the prefix of a policy without matches, or of a match without a path', () => {
    expect(copyOf(withFilters([replacePrefix('/x')]), { target: '/a' }).path).toBe('/x/a');
    expect(copyOf(withFilters([replacePrefix('/x')], { matches: [{ method: 'GET' }] }), { target: '/a' }).path).toBe('/x/a');
  });

  it('replaces the full path and keeps the query; the base path of the target stands before it', () => {
    const filter = { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/one' } } };
    expect(copyOf(withFilters([filter]), { target: '/a/b?c=d' }, 'http://m/base/').path).toBe('/base/one?c=d');
  });

  it('leaves OPTIONS * alone', () => {
    expect(copyOf(withFilters([replacePrefix('/x')]), { method: 'OPTIONS', target: '*' }, 'http://m/base').path).toBe('*');
  });

  it('gives the copy its host name', () => {
    expect(header(copyOf(withFilters([{ type: 'URLRewrite', urlRewrite: { hostname: 'next.example' } }]), {}), 'host')).toBe('next.example');
  });
});

describe('QueryModifier', () => {
  it.each<[object, string, string]>([
    [{ set: [{ name: 'v', value: '2' }] }, '/a', '/a?v=2'],
    [{ set: [{ name: 'v', value: '2' }] }, '/a?v=1&w=3&v=9', '/a?v=2&w=3'],
    [{ set: [{ name: 'v', value: '2' }] }, '/a?%76=1', '/a?v=2'],
    [{ set: [{ name: 'a b', value: 'c&d=é' }] }, '/a', '/a?a%20b=c%26d%3D%C3%A9'],
    [{ set: [{ name: 'é', value: '1' }] }, '/a?%C3%A9=0', '/a?%C3%A9=1'],
    [{ remove: ['v'] }, '/a?v=1', '/a'],
    [{ remove: ['v'] }, '/a?v&x=%2f+&v=2&vv=1', '/a?x=%2f+&vv=1'],
    [{ remove: ['v'] }, '/a', '/a'],
    [{ remove: ['v'], set: [{ name: 'v', value: '1' }, { name: 'w', value: '2' }] }, '/a?v=0&u=9', '/a?u=9&v=1&w=2'],
  ])('%j turns %s into %s', (edit, target, expected) => {
    expect(copyOf(withFilters([query(edit)]), { target }).path).toBe(expected);
  });

  it('works after one another, beside a rewritten path', () => {
    const filters = [query({ set: [{ name: 'a', value: '1' }] }), replacePrefix('/x'), query({ remove: ['b'] })];
    expect(copyOf(withFilters(filters), { target: '/p?b=2&c=3' }).path).toBe('/x/p?c=3&a=1');
  });
});

describe('RequestHeaderModifier', () => {
  it('sends what is not ASCII as UTF-8', () => {
    const filter = { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-city', value: 'Zürich' }] } };
    expect(header(copyOf(withFilters([filter]), {}), 'x-city')).toBe(asOnWire('Zürich'));
  });
});

const TRACED = [
  'traceparent', `00-${TRACE}-00f067aa0ba902b7-01`, 'tracestate', 'v=1', 'Baggage', 'user=7', 'b3', `${TRACE}-e457b5a2e4d86bd1-1`,
  'X-B3-TraceId', TRACE, 'X-B3-SpanId', 'e457b5a2e4d86bd1', 'X-B3-ParentSpanId', '05e3ac9a4f6e3b90', 'X-B3-Sampled', '1', 'X-B3-Flags', '1',
  'X-Request-ID', 'r-1',
];

describe('trace', () => {
  it('is kept with its sampled flags cleared, unless said otherwise', () => {
    const copy = copyOf({}, { headers: TRACED });
    expect(copy.headers).toEqual([
      'Host', 'shop', 'traceparent', `00-${TRACE}-00f067aa0ba902b7-00`, 'tracestate', 'v=1', 'Baggage', 'user=7', 'b3', `${TRACE}-e457b5a2e4d86bd1-0`,
      'X-B3-TraceId', TRACE, 'X-B3-SpanId', 'e457b5a2e4d86bd1', 'X-B3-ParentSpanId', '05e3ac9a4f6e3b90', 'X-B3-Sampled', '0', 'X-B3-Flags', '0',
      'X-Request-ID', 'r-1', 'shadowtap-mirrored', 'default/p',
    ]);
  });

  it('is as sent with Keep', () => {
    expect(copyOf({ trace: 'Keep' }, { headers: TRACED }).headers).toEqual(['Host', 'shop', ...TRACED, 'shadowtap-mirrored', 'default/p']);
  });

  it('is gone with Drop; x-request-id stays', () => {
    expect(copyOf({ trace: 'Drop' }, { headers: TRACED }).headers).toEqual(['Host', 'shop', 'X-Request-ID', 'r-1', 'shadowtap-mirrored', 'default/p']);
  });
});

describe('marker', () => {
  it("stands beside the agent's, which keeps copies from being copied again", () => {
    const copy = copyOf({ marker: { name: 'X-Shadow', value: 'yes' } }, { headers: ['x-shadow', 'forged'] });
    expect([header(copy, 'x-shadow'), header(copy, 'shadowtap-mirrored')]).toEqual(['yes', 'default/p']);
  });

  it('with a name alone has the name of the policy for its value', () => {
    expect(header(copyOf({ marker: { name: 'X-Shadow' } }, {}), 'x-shadow')).toBe('default/p');
  });

  it("with a value alone gives the agent's marker that value", () => {
    expect(header(copyOf({ marker: { value: 'blue' } }, {}), 'shadowtap-mirrored')).toBe('blue');
  });

  it('is not taken away by filters', () => {
    const filter = { type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['shadowtap-mirrored', 'x-shadow'] } };
    const copy = copyOf(withFilters([filter], { marker: { name: 'x-shadow' } }), {});
    expect([header(copy, 'x-shadow'), header(copy, 'shadowtap-mirrored')]).toEqual(['default/p', 'default/p']);
  });
});

describe('idempotencyKeys', () => {
  const key = (spec: object, value: string, name?: string): string | null =>
    header(copyOf({ ...spec }, { method: 'POST', headers: ['Idempotency-Key', value] }, undefined, name), 'idempotency-key');
  const REWRITE = { idempotencyKeys: 'Rewrite' };

  it('stay as they are, unless said otherwise', () => {
    expect(key({}, 'k-1')).toBe('k-1');
  });

  it('become others, the same for the same key, in the form of a UUID; quotes stay', () => {
    expect(key(REWRITE, 'k-1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(key(REWRITE, 'k-1')).toBe(key(REWRITE, 'k-1'));
    expect(key(REWRITE, 'k-1')).not.toBe(key(REWRITE, 'k-2'));
    expect(key(REWRITE, '"k-1"')).toBe(`"${key(REWRITE, 'k-1')}"`);
  });

  it('differ from policy to policy, as the targets do', () => {
    expect(key(REWRITE, 'k-1', 'a')).not.toBe(key(REWRITE, 'k-1', 'b'));
  });

  it('are rewritten under their other name, too', () => {
    const copy = copyOf(REWRITE, { headers: ['X-Idempotency-Key', 'k-1'] });
    expect(header(copy, 'x-idempotency-key')).toBe(key(REWRITE, 'k-1'));
  });
});
