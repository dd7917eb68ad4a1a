import { describe, expect, it } from 'vitest';
import { asOnWire, isHeader, RequestView } from '../../src/policy/request-view.ts';
import { exchange, type RequestParts } from './support.ts';

function view(parts: RequestParts): RequestView {
  const made = new RequestView();
  made.reset(exchange(parts).request!, '10.0.0.1');
  return made;
}

describe('the path of a request', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a?x=/b', '/a'],
    ['/', '/'],
    ['/?', '/'],
    ['*', '*'],
    ['http://shop.example/a?x=1', '/a'],
    ['http://shop.example:80', '/'],
    ['http://shop.example?x=1', '/'],
    ['/a?u=http://x/y', '/a'],
    ['//a', '//a'],
    ['/%61', '/%61'],
  ])('is what was sent, without authority and query: %s', (target, path) => {
    expect(view({ target }).path()).toBe(path);
    expect(view({ target }).pathIs(path)).toBe(true);
  });

  it('is found anew for each request', () => {
    const made = view({ target: '/long/path?x=1' });
    expect(made.path()).toBe('/long/path');
    made.reset(exchange({ target: '/b' }).request!, '10.0.0.1');
    expect(made.path()).toBe('/b');
  });
});

describe('a header', () => {
  it('is found in any case', () => {
    expect(view({ headers: ['X-Tenant', 'acme'] }).header('x-tenant')).toBe('acme');
    expect(view({ headers: ['X-Tenant', 'acme'] }).header('x-tenan')).toBeNull();
  });

  it('that was sent several times is one, joined', () => {
    expect(view({ headers: ['a', '1', 'b', '2', 'A', '3'] }).header('a')).toBe('1, 3');
  });

  it('is not taken for another whose letters differ by one bit', () => {
    expect(isHeader('A[b', 'a[b')).toBe(true);
    expect(isHeader('a{b', 'a[b')).toBe(false);
    expect(isHeader('a@b', 'a`b')).toBe(false);
  });
});

describe('a query parameter', () => {
  it.each<[string, string, string | null]>([
    ['/?v=2', 'v', '2'],
    ['/?a=1&v=2', 'v', '2'],
    ['/?v=1&v=2', 'v', '1'],
    ['/?v', 'v', ''],
    ['/?v=', 'v', ''],
    ['/?v=a=b', 'v', 'a=b'],
    ['/?vv=1', 'v', null],
    ['/?V=1', 'v', null],
    ['/', 'v', null],
    ['/?', 'v', null],
    ['/?&&v=1', 'v', '1'],
    ['/?a+b=c%20d+e', 'a b', 'c d e'],
    ['/?%76=1', 'v', '1'],
    ['/?v=100%', 'v', '100%'],
    ['/?v=%zz', 'v', '%zz'],
    ['/?v=caf%C3%A9', 'v', asOnWire('café')],
    ['http://x/?v=2', 'v', '2'],
    ['/v=1', 'v', null],
  ])('of %s: %s is %j', (target, name, value) => {
    expect(view({ target }).queryParam(name)).toBe(value);
  });
});
