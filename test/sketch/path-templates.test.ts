import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { cpuMsOf } from '../support/cpu.ts';
import { heapAfterCollection } from '../support/heap.ts';

const CAP = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false } as const;

const templates = (...paths: string[]): string[] => {
  const learnt = new PathTemplates();
  return paths.map((path) => learnt.of(path));
};

describe('a path template', () => {
  it.each([
    ['/orders/42', '/orders/{id}'],
    ['/orders/42/items/7?page=2', '/orders/{id}/items/{id}'],
    ['/o/3f2504e0-4f89-41d3-9a0c-0305e82c3301', '/o/{uuid}'],
    ['/o/507f1f77bcf86cd799439011', '/o/{id}'],
    ['/o/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/o/{id}'],
    ['/o/dQw4w9WgXcQ', '/o/{id}'],
    ['/o/cus_9s6XKzkNRiz8i3', '/o/{id}'],
    ['/o/cjld2cjxh0000qzrmn831i7rn', '/o/{id}'],
    ['/o/INV-100234', '/o/{id}'],
    ['/at/48.85661,2.35222', '/at/{id}'],
    ['/on/2024-01-31/at', '/on/{date}/at'],
    ['/on/2024-01-31T10:00:00Z', '/on/{date}'],
    ['/by/ann%40example.com', '/by/{email}'],
    [`/session/${'x'.repeat(65)}`, '/session/{value}'],
  ])('of %s is %s', (path, template) => {
    expect(templates(path)).toEqual([template]);
  });

  it.each([
    '/', '//', '/a/', '/v1/users', '/v1.2/Users', '/oauth2/callback', '/getUserByIdV2Extended', '/my-blog-post-2024-edition', '/caf%C3%A9/men%C3%BC',
    '/.well-known/openid-configuration', '/logo@2x.png', '/jquery-3.6.0.min.js', '/package-lock.json', '/authorizationservice', '/listAllSQLDBInstances', '/k8s-workloads-v1alpha1', '/rechtsschutzversicherung', '/sha256checksums', '/map;scale=large/tiles', '*',
    '/grpc.health.v1.Health/Check', '/shop.v1.Orders/GetV2Item8B7c6D5e',
  ])('of words is the path itself: %s', (path) => {
    expect(templates(path)).toEqual([path]);
  });

  it.each([
    ['/reset/qWErtYuiOpAsDfGhJkLz', '/reset/{id}'],
    ['/reset/PVESUEDFMCGAT7WG', '/reset/{id}'],
    ['/reset/4ob9cyEePH9wjU5G1e%2Fk6Q%3D%3D', '/reset/{id}'],
    ['/reset/crqkggxskftrujvi', '/reset/{id}'],
    ['/reset/eyJpZCI6MX0.Zk3x2A.AbCdEfGhIjKlMnOpQrStUvWxYz0', '/reset/{id}'],
    ['/reset/{3RlR6YgyXTF5wjZs}', '/reset/{value}'],
    ['/a;jsessionid=ZuBpxjoHKHHVDthkB2qP', '/a;jsessionid={id}'],
    ['/a;ZuBpxjoHKHHVDthkB2qP', '/a;{id}'],
    ['/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4fw/Download', '/{id}/Download'],
  ])('does not tell the secret in %s', (path, template) => {
    expect(templates(path)).toEqual([template]);
  });

  it.each([
    ['base64url of 16 bytes', () => randomBytes(16).toString('base64url')],
    ['base64 of 16 bytes, percent-encoded', () => encodeURIComponent(randomBytes(16).toString('base64'))],
    ['16 letters and digits', () => Array.from(randomBytes(16), (byte) => 'abcdefghijklmnopqrstuvwxyz0123456789'[byte % 36]).join('')],
    ['16 of base32', () => Array.from(randomBytes(16), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join('')],
    ['two parts and a signature', () => [9, 5, 20].map((bytes) => randomBytes(bytes).toString('base64url')).join('.')],
  ])('tells hardly any of a thousand random tokens: %s', (_, make) => {
    const told = Array.from({ length: 1000 }, make).filter((token) => new PathTemplates().of(`/t/${token}`).includes(token));
    expect(told.length).toBeLessThan(40);
  });

  it('keeps what kind of file it is, and leaves out what changes with every build', () => {
    expect(templates('/assets/app.3f9a.js', '/assets/index-BkX3f9aQ.js', '/assets/main-8d7f6a5b.css', '/img/12345.png')).toEqual([
      '/assets/app.{id}.js',
      '/assets/index-{id}.js',
      '/assets/main-{id}.css',
      '/img/{id}.png',
    ]);
  });

  it('keeps the names of matrix parameters', () => {
    expect(templates('/cart;user=42;lang=en/items', '/42;v=1')).toEqual(['/cart;user={id};lang=en/items', '/{id};v={id}']);
  });

  it('is that of the path, in whatever form the target is', () => {
    expect(templates('http://shop.test:8080/orders/1?x=/2', 'http://shop.test', 'http://shop.test?x', '', '?x', 'shop.test:443', 'x?y=http://z/')).toEqual([
      '/orders/{id}',
      '/',
      '/',
      '/',
      '(other)',
      '(other)',
      '(other)',
    ]);
  });

  it('is one object for all equal ones', () => {
    const learnt = new PathTemplates();
    const first = learnt.of('/orders/1');
    expect(Object.is(learnt.of('/orders/2'), first)).toBe(true);
  });
});

describe('names beside each other', () => {
  const name = (index: number): string => `user-${String.fromCharCode(97 + (index % 26))}${String.fromCharCode(97 + ((index / 26) | 0))}`;

  it('are values once they are too many, and tables can fold what they have by then', () => {
    const learnt = new PathTemplates();
    const before = Array.from({ length: 300 }, (_, index) => learnt.of(`/users/${name(index)}/orders`));
    expect(before[0]).toBe('/users/user-aa/orders');
    expect(new Set(before.map((template) => learnt.of(template)))).toEqual(new Set(['/users/{value}/orders']));
  });

  it('are no more in use for that what was counted under them is read out', () => {
    const learnt = new PathTemplates();
    const first = Array.from({ length: 50 }, (_, index) => learnt.of(`/users/${name(index)}`));
    for (let reading = 0; reading < 20; reading++) for (const template of first) expect(learnt.fold(template)).toBe(template);
    learnt.of('/users/one-more');
    expect(new Set(first.map((template) => learnt.fold(template)))).toEqual(new Set(['/users/{value}']));
  });

  it('stay words where they are in use, whoever tries others beside them', () => {
    const learnt = new PathTemplates();
    const words = ['orders', 'carts', 'health', 'stock'];
    for (let i = 0; i < 20; i++) for (const word of words) learnt.of(`/api/${word}`);
    for (let i = 0; i < 1000; i++) learnt.of(`/api/scan-${name(i % 600)}`);
    expect(words.map((word) => learnt.of(`/api/${word}`))).toEqual(words.map((word) => `/api/${word}`));
    expect(learnt.of('/api/scan-xy')).toBe('/api/{value}');
  });

  it('stay words where a large interface has many that are all in use', () => {
    const learnt = new PathTemplates();
    const paths = Array.from({ length: 120 }, (_, index) => `/api/${name(index)}`);
    for (let i = 0; i < paths.length; i++) for (let use = 0; use < 10; use++) learnt.of(paths[i]!);
    expect(paths.map((path) => learnt.of(path))).toEqual(paths);
  });
});

describe('whatever paths come', () => {
  const segment = fc.oneof(
    fc.constantFrom('users', 'orders', '{id}', '{value}', '{more}', '{x}', '', '.', '..', '42', 'a;b=1', 'app.3f9a.js', 'café', 'x'.repeat(70)),
    fc.string({ maxLength: 70 }),
    fc.uuid(),
    fc.stringMatching(/^[\w;=.,@%{}-]{0,66}$/),
    fc.ulid(),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  );
  const target = fc.oneof(
    fc.array(segment, { maxLength: 15, size: 'max' }).map((segments) => `/${segments.join('/')}`),
    fc.webUrl({ withQueryParameters: true }),
    fc.string(),
  );

  it('the template of a template is itself', () => {
    const learnt = new PathTemplates();
    fc.assert(
      fc.property(fc.array(target, { maxLength: 60, size: 'max' }), (targets) => {
        for (const one of targets) {
          const template = learnt.of(one);
          expect(learnt.of(template)).toBe(template);
        }
      }),
      CAP,
    );
  });

  it('the template of a template is itself, also where there is no room to learn', () => {
    const learnt = new PathTemplates();
    const seen = new Set<string>();
    for (let i = 0; i < 30_000; i++) {
      const word = (n: number): string => `w${'abcdefghij'[n % 10]!}${'abcdefghij'[((n / 10) | 0) % 10]!}`;
      const template = learnt.of(`/${word(i % 40)}/${word(((i / 40) | 0) % 45)}/${word((i / 1800) | 0)}`);
      expect(learnt.of(template)).toBe(template);
      seen.add(template);
    }
    expect([...seen].some((template) => template.endsWith('/{more}'))).toBe(true);
    expect(seen.size).toBeLessThan(5000);
  });

  it('what is in use finds room again after somebody has tried everything', () => {
    const learnt = new PathTemplates();
    const word = (n: number): string => `w${'abcdefghij'[n % 10]!}${'abcdefghij'[((n / 10) | 0) % 10]!}`;
    const scan = (from: number, to: number): void => {
      for (let i = from; i < to; i++) learnt.of(`/${word(i % 40)}/${word(((i / 40) | 0) % 45)}/${word((i / 1800) | 0)}`);
    };
    for (let i = 0; i < 100; i++) learnt.of('/orders/42/items');
    scan(0, 20_000);
    expect(learnt.of('/carts/42/items/red')).toMatch(/\{more\}$/);
    for (let i = 0; i < 60; i++) scan(10_000, 11_000);
    expect(learnt.of('/carts/42/items/red')).toBe('/carts/{id}/items/red');
    expect(learnt.of('/orders/42/items')).toBe('/orders/{id}/items');
  });

  it('memory and time are bounded: long ones, deep ones, ever new ones', () => {
    const learnt = new PathTemplates();
    const before = heapAfterCollection();
    const padding = 'p'.repeat(2000);
    const news = (): void => {
      for (let i = 0; i < 20_000; i++) {
        learnt.of(`/w${i.toString(36)}/x-${(i * 31).toString(36)}/y?${padding}${i}`);
        learnt.of(`/pkg.v1.Service/Method${i}`);
      }
    };
    expect(cpuMsOf(news)).toBeLessThan(3_000);
    const hostile = [`/${'a/'.repeat(10_000)}`, `/${'x'.repeat(65_536)}`, `/${'\xff'.repeat(65_536)}`, '/'.repeat(65_536), `${'h'.repeat(65_536)}`, `/a${';b=1'.repeat(16_000)}`];
    for (const path of hostile) expect(learnt.of(path).length).toBeLessThan(1000);
    const again = (): void => hostile.forEach((path) => Array.from({ length: 100 }, () => learnt.of(path)));
    expect(cpuMsOf(again)).toBeLessThan(3_000);
    expect(heapAfterCollection() - before).toBeLessThan(8 << 20);
    expect(learnt.of('/after/all')).toMatch(/^\//);
  });
});
