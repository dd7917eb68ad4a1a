import { describe, expect, it } from 'vitest';
import { HttpRequest } from '../../src/http/exchange.ts';
import { Redactor } from '../../src/mirror/redact.ts';
import { buildCopy, withShadowSuffix, type RewriteRules } from '../../src/mirror/rewrite.ts';
import type { OutgoingRequest } from '../../src/mirror/http-client.ts';
import { RequestView } from '../../src/policy/request-view.ts';
import { unsampledB3, unsampledTraceparent } from '../../src/mirror/trace.ts';

const RULES: RewriteRules = {
  authority: 'mirror:8080',
  basePath: '',
  hostname: 'Preserve',
  marker: { name: 'shadowtap-mirrored', value: 'shop/checkout' },
  ownMarker: null,
  trace: 'Unsampled',
  idempotency: null,
  redactor: null,
  path: null,
  queryEdits: [],
  headerModifiers: [],
  protocol: null,
  scheme: 'http',
};
const MARK = ['shadowtap-mirrored', 'shop/checkout'];

function request(headers: string[], target = '/a?b=1', method = 'GET'): HttpRequest {
  return Object.assign(new HttpRequest(), { method, target, headers, version: 'HTTP/1.1' });
}

function copyOf(original: HttpRequest, rules: Partial<RewriteRules> = {}): OutgoingRequest {
  const copy = buildCopy(original, null, { ...RULES, ...rules });
  if (copy === null) throw new Error('withheld');
  return copy;
}

function copied(headers: string[], rules: Partial<RewriteRules> = {}): string[] {
  return copyOf(request(headers), rules).headers;
}

describe('the copy of a request', () => {
  it('keeps order, case and duplicates of headers, and adds the marker last', () => {
    const headers = ['HOST', 'shop:80', 'X-b', '2', 'x-A', '1', 'X-b', '3', 'Cookie', 'a=b'];
    expect(copied(headers)).toEqual([...headers, ...MARK]);
  });

  it('leaves out what is meant for the next hop, the framing and what Connection names', () => {
    const headers = [
      'Host', 'shop', 'Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5', 'X-Hop', '1', 'TE', 'trailers',
      'Transfer-Encoding', 'chunked', 'Content-Length', '3', 'Upgrade', 'h2c', 'HTTP2-Settings', 'AAM', 'Expect',
      '100-continue', 'Trailer', 'x-sum', 'Proxy-Connection', 'close', 'Accept', '*/*',
    ];
    expect(copied(headers)).toEqual(['Host', 'shop', 'Accept', '*/*', ...MARK]);
  });

  it('keeps Host even if Connection names it', () => {
    expect(copied(['Connection', 'host', 'Host', 'shop'])).toEqual(['Host', 'shop', ...MARK]);
  });

  it('keeps X-Forwarded-For and credentials untouched', () => {
    const headers = ['Host', 'shop', 'X-Forwarded-For', '10.0.0.9', 'Authorization', 'Bearer t'];
    expect(copied(headers)).toEqual([...headers, ...MARK]);
  });

  it.each([
    ['Preserve', 'shop:8080', 'shop:8080'],
    ['Shadow', 'shop:8080', 'shop-shadow:8080'],
    ['Shadow', 'shop', 'shop-shadow'],
    ['Target', 'shop:8080', 'mirror:8080'],
    ['other.example', 'shop:8080', 'other.example'],
  ])('with hostname %s turns %s into %s', (hostname, sent, expected) => {
    expect(copied(['Host', sent], { hostname })).toEqual(['Host', expected, ...MARK]);
  });

  it('puts the suffix before the port of an IPv6 authority', () => {
    expect(withShadowSuffix('[::1]:80')).toBe('[::1]-shadow:80');
    expect(withShadowSuffix('[::1]')).toBe('[::1]-shadow');
  });

  it('gives a request without Host that of the target', () => {
    expect(copied(['Accept', '*/*'])).toEqual(['host', 'mirror:8080', 'Accept', '*/*', ...MARK]);
  });

  it('turns absolute form into origin form, whose authority wins over Host', () => {
    const copy = copyOf(request(['Host', 'wrong'], 'http://user:secret@shop:81/x/y?z=1'));
    expect([copy.path, copy.headers]).toEqual(['/x/y?z=1', ['Host', 'shop:81', ...MARK]]);
    expect(copyOf(request([], 'http://shop?q')).path).toBe('/?q');
  });

  it.each(['http://#/admin', 'http://shop#/a?x', 'http://shop#a@b/c', 'http://?/a', 'http://a:b', '/#/admin?x#y', '//x', '*', 'http://h/p?u=http://x/y', 'h://@/x'])(
    'goes to the path that policies match: %s',
    (target) => {
      const matched = new RequestView();
      matched.reset(request([], target), '10.0.0.1');
      expect(copyOf(request([], target)).path.split('?')[0]).toBe(matched.path());
    },
  );

  it("puts the target's path before the request's", () => {
    expect(copyOf(request([], '/a?b'), { basePath: '/v2' }).path).toBe('/v2/a?b');
  });

  it('applies filters in order: set replaces in any case, add appends, remove removes all', () => {
    const headerModifiers = [
      { set: [{ name: 'x-a', value: '9' }], add: [{ name: 'X-C', value: '1' }], remove: ['x-drop'] },
      { set: [], add: [{ name: 'X-C', value: '2' }], remove: [] },
    ];
    const headers = ['Host', 'h', 'X-A', '1', 'X-Drop', '1', 'x-a', '2', 'X-DROP', '2'];
    expect(copied(headers, { headerModifiers })).toEqual(['Host', 'h', 'x-a', '9', 'X-C', '1', 'X-C', '2', ...MARK]);
  });
});

describe('a copy that goes out as HTTP/2', () => {
  const H2 = { protocol: 'h2', scheme: 'https' } as const;

  it('of a request of HTTP/1.1 has Host as its authority, names in lower case and no field of the connection', () => {
    const original = request(['HOST', 'shop:80', 'X-b', '2', 'TE', 'trailers', 'Connection', 'X-Hop, TE', 'X-Hop', '1', 'Content-Length', '0', 'X-B', '3']);
    original.trailers = ['X-Sum', '1'];
    expect(copyOf(original, H2)).toEqual({
      method: 'GET',
      path: '/a?b=1',
      headers: ['x-b', '2', 'content-length', '0', 'x-b', '3', ...MARK],
      body: null,
      http2: { pseudo: [':method', 'GET', ':scheme', 'https', ':authority', 'shop:80', ':path', '/a?b=1'], trailers: ['x-sum', '1'], live: null },
    });
  });

  it('keeps order and scheme of the pseudo-headers of one of HTTP/2, and its cookies in pieces', () => {
    const original = Object.assign(request(['cookie', 'a=1', 'te', 'trailers', 'cookie', 'b=2', 'host', 'x', 'trailer', 'x-sum']), {
      authority: 'shop', scheme: 'http', pseudo: [':path', ':authority', ':method', ':scheme'],
    });
    const { headers, http2 } = copyOf(original, { ...H2, hostname: 'Shadow' });
    expect(headers).toEqual(['cookie', 'a=1', 'te', 'trailers', 'cookie', 'b=2', 'trailer', 'x-sum', ...MARK]);
    expect(http2!.pseudo).toEqual([':path', '/a?b=1', ':authority', 'shop-shadow', ':method', 'GET', ':scheme', 'http']);
    original.authority = '';
    original.pseudo = [':method', ':path', ':scheme'];
    expect(copyOf(original, H2).http2!.pseudo.slice(-2)).toEqual([':authority', 'x']);
  });

  it('says the host that a filter has set, and how long its content is after redaction', () => {
    const modifier = { set: [{ name: 'Host', value: 'other' }], add: [], remove: [] };
    const { http2, headers } = copyOf(request(['Host', 'shop']), { ...H2, headerModifiers: [modifier] });
    expect([http2!.pseudo.slice(4, 6), headers]).toEqual([[':authority', 'other'], MARK]);
    const redactor = new Redactor({ headers: ['x-sum'], cookies: [], queryParams: [], jsonFields: ['/pin'], mode: 'Remove' }, 'key');
    const original = request(['content-type', 'application/json', 'content-length', '28'], '/', 'POST');
    original.trailers = ['x-sum', 'secret'];
    const copy = buildCopy(original, Buffer.from('{"pin":"1234567890","a":"b"}'), { ...RULES, ...H2, redactor })!;
    expect(copy.headers).toEqual(['content-type', 'application/json', 'content-length', `${copy.body!.length}`, ...MARK]);
    expect([copy.body!.length < 28, copy.http2!.trailers]).toEqual([true, []]);
  });
});

describe('trace context of a copy', () => {
  it('keeps the trace and clears the sampled flag', () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-';
    expect(unsampledTraceparent(`${trace}01`)).toBe(`${trace}00`);
    expect(unsampledTraceparent(`${trace}03`)).toBe(`${trace}02`);
    expect(unsampledTraceparent('nonsense')).toBe('nonsense');
    expect(unsampledB3('80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90')).toBe(
      '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-0-05e3ac9a4f6e3b90',
    );
    expect(unsampledB3('1')).toBe('0');
    expect(copied(['Host', 'h', 'X-B3-Sampled', '1', 'TraceParent', `${trace}01`])).toEqual(
      ['Host', 'h', 'X-B3-Sampled', '0', 'TraceParent', `${trace}00`, ...MARK],
    );
  });
});
