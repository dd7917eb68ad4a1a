import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FindingsData } from '../../src/findings/data.ts';
import { Dice, request, response, World, type Event } from './traffic/world.ts';

const TIME_CAP = { interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false } as const;

function event(at: number, text: string, status = 200, more: Partial<Event> = {}): Event {
  return { at, client: '10.9.0.1', endpoint: 1, request: text, response: response(status), ...more };
}

/** Twenty seconds of three hundred requests each. */
function flood(at: number): Event[] {
  return Array.from({ length: 6000 }, (_, i) => event(at + i / 300, request('GET', '/')));
}

function rulesOf({ findings }: FindingsData): string[] {
  return [...new Set(findings.map(({ rule }) => rule))].sort();
}

describe('the watchman', () => {
  it('says who, where, when, what, and how often', () => {
    const world = new World();
    for (let i = 0; i < 3; i++) world.exchange(event(10 + i, request('GET', '/p/42?id=1%20union%20select%202')));
    expect(world.data()).toEqual({
      findings: [
        {
          rule: 'sql-injection',
          severity: 'medium',
          endpoint: 'shop/web',
          source: '10.9.0.1',
          method: 'GET',
          template: '/p/{id}',
          evidence: 'union select in the query, percent-encoded',
          firstMs: 1_010_000,
          lastMs: 1_012_000,
          count: 3,
        },
      ],
      totals: { 'sql-injection': 3 },
      unlisted: 0,
    });
  });

  it('says nothing of what was sent in place of a method', () => {
    const world = new World();
    world.exchange(event(1, `${request('GET', '/')}hunter2 /login HTTP/1.1\r\nbad header\r\n\r\n`, 400));
    world.exchange(event(2, request('HUNTER2', '/login?id=1%20union%20select%202'), 405, { client: '10.9.0.2' }));
    const { findings } = world.data();
    expect(findings.map(({ rule, method }) => [rule, method]).sort()).toEqual([['ambiguous-head', '(other)'], ['sql-injection', '(other)'], ['unusual-method', '(other)']]);
    expect(JSON.stringify(findings)).not.toMatch(/hunter2/i);
  });

  it('looks only at endpoints that are observed, and forgets those that no longer are', () => {
    const world = new World();
    world.exchange(event(1, request('GET', '/.env'), 404, { endpoint: 7 }));
    expect(world.data().findings).toEqual([]);
    for (let i = 0; i < 24; i++) world.exchange(event(10, request('GET', `/missing${i}x`), 404));
    world.watchman.configure([{ id: 2, name: 'shop/api', observed: [] }, { id: 1, name: 'shop/web', observed: null }]);
    world.watchman.configure([{ id: 1, name: 'shop/web', observed: [] }]);
    for (let i = 24; i < 40; i++) world.exchange(event(11, request('GET', `/missing${i}x`), 404));
    expect(world.data().findings).toEqual([]);
  });

  it('finds a sensitive file that is handed out, but not a page in its place', () => {
    const world = new World();
    world.exchange(event(1, request('GET', '/.env'), 200, { response: response(200, { 'Content-Type': 'text/html; charset=utf-8' }) }));
    world.exchange(event(2, request('GET', '/.env'), 404));
    expect(rulesOf(world.data())).toEqual(['sensitive-file']);
    world.exchange(event(3, request('GET', '/.env'), 200, { response: response(200, { 'Content-Type': 'text/plain' }) }));
    expect(rulesOf(world.data())).toEqual(['exposed-file', 'sensitive-file']);
  });

  it('takes methods as unusual that a server refuses, and not those that it knows', () => {
    const world = new World();
    world.exchange(event(1, request('PROPFIND', '/dav'), 207));
    world.exchange(event(2, request('BREW', '/pot'), 201));
    expect(world.data().findings).toEqual([]);
    world.exchange(event(3, request('PROPFIND', '/'), 405));
    world.exchange(event(4, request('BREW', '/'), 501));
    expect(world.data().findings.map(({ method, evidence }) => `${method} ${evidence}`)).toEqual(['(other) a method that the server refuses with 501']);
    expect(world.data().totals).toEqual({ 'unusual-method': 2 });
  });

  it('tells a client that has lost its password from one that tries many', () => {
    const lost = new World();
    for (let i = 0; i < 200; i++) lost.exchange(event(i, request('POST', '/oauth/token', {}, 'refresh_token=always-the-same'), 401));
    expect(lost.data().findings).toEqual([]);
    const trying = new World();
    for (let i = 0; i < 60; i++) trying.exchange(event(i, request('POST', '/oauth/token', {}, `password=${'x'.repeat(3 + (i % 12))}`), 401));
    expect(rulesOf(trying.data())).toEqual(['credential-stuffing']);
    const guessing = new World();
    for (let i = 0; i < 60; i++) guessing.exchange(event(i, request('GET', '/me', { Authorization: `Bearer guess-${i}` }), 401));
    expect(rulesOf(guessing.data())).toEqual(['credential-guessing']);
    const expired = new World();
    for (let i = 0; i < 200; i++) expired.exchange(event(i, request('GET', `/things/${i}`, { Authorization: 'Bearer expired' }), 401));
    expect(expired.data().findings).toEqual([]);
  });

  it('takes an outage that all clients see for no fuzzing, and a gateway’s word for nobody’s', () => {
    const world = new World();
    for (let i = 0; i < 300; i++) world.exchange(event(i / 10, request('GET', `/p?x=${i}`), 500, { client: `10.9.0.${i % 30}` }));
    for (let i = 0; i < 300; i++) world.exchange(event(40 + i / 10, request('GET', `/p?x=${i}`), 200, { client: `10.9.1.${i % 30}` }));
    for (let i = 0; i < 60; i++) world.exchange(event(80, request('GET', `/p?y=${i}`), 503));
    expect(world.data().findings).toEqual([]);
  });

  it('raises no alarm for a flood while it learns what is usual', () => {
    const world = new World();
    world.play(flood(100));
    expect(world.data().findings).toEqual([]);
  });

  it('finds a flood once it knows what is usual', () => {
    const world = new World();
    for (let i = 0; i < 600; i++) world.exchange(event(i, request('GET', '/')));
    world.play(flood(700));
    expect(rulesOf(world.data())).toEqual(['request-flood', 'source-flood']);
  });

  it('judges what a share of all connections tells by a share of the limits', () => {
    const usual = (world: World): void => {
      for (let i = 0; i < 600; i++) world.exchange(event(i, request('GET', '/')));
      for (let i = 0; i < 600; i++) world.exchange(event(700 + i / 30, request('GET', '/')));
    };
    const [one, ofFour] = [new World(), new World({ workers: 4 })];
    usual(one);
    usual(ofFour);
    expect(rulesOf(one.data())).toEqual([]);
    expect(rulesOf(ofFour.data())).toEqual(['request-flood', 'source-flood']);
  });

  it('stays within its bounds, whoever comes with whatever', () => {
    const world = new World({ maxSources: 256 });
    const dice = new Dice(7);
    for (let i = 0; i < 20_000; i++) {
      const client = `10.${i % 250}.${(i >> 8) % 250}.${i % 7}`;
      world.exchange(event(i / 100, request('GET', `/${dice.word(8)}/${dice.word(5)}?q=${encodeURIComponent(dice.of(["' or 1=1--", '<script>', '../../x', 'plain']))}`, { 'User-Agent': dice.word(30) }), dice.of([200, 404, 500]), { client, alone: true }));
    }
    const { findings, totals, unlisted } = world.data();
    expect(findings.length).toBeLessThanOrEqual(512);
    expect(findings.reduce((sum, { count }) => sum + count, unlisted)).toBe(Object.values(totals).reduce((sum, count) => sum + count, 0));
  });

  it('takes any bytes, and says nothing of what they were', () => {
    const piece = fc.oneof(
      fc.constantFrom('GET ', 'POST ', 'TRACE ', '/', '/SECRET', '?token=SECRETSECRETSECRET', ' HTTP/1.1', '\r\n', '\r\n\r\n', '\n', 'Host: SECRET', 'Authorization: Basic SECRET', 'Cookie: a=SECRET', 'User-Agent: ${jndi:SECRET}', 'Content-Length: 5', 'Transfer-Encoding: chunked', '%2e%2e/', "' or 1=1--SECRET", '\0', 'é'),
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 100, max: 599 }), (pieces, status) => {
        const world = new World();
        const head = `GET /a?b=1 HTTP/1.1\r\nHost: a\r\n\r\n`;
        world.exchange({ at: 1, client: '10.9.0.1', endpoint: 1, request: `${head}${pieces.join('')}`, response: response(status) });
        const data = world.data();
        for (const { evidence } of data.findings) expect(evidence).not.toContain('SECRET');
        expect(data.findings.length).toBeLessThanOrEqual(512);
      }),
      TIME_CAP,
    );
  });
});
