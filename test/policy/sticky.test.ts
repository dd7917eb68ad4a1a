import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { Router } from '../../src/policy/router.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { Verdict } from '../../src/policy/verdict.ts';
import { exchange, policy, seededRandom, type RequestParts } from './support.ts';

const ENDPOINT = { id: 1, name: 'e', labels: {}, ports: [80] };
const NEVER = (): number => {
  throw new Error('drawn afresh');
};

function router(policies: readonly MirrorPolicy[], { secret = null, random = NEVER }: { secret?: string | null; random?: () => number } = {}): Router {
  return new Router(buildSnapshot(1, policies, [ENDPOINT], { keys: hashKeys(secret) }), { random });
}

function targets(asked: Router, parts: RequestParts, source?: string): number[] {
  const verdict = new Verdict();
  const request = exchange(parts);
  asked.route(source === undefined ? request : Object.assign(request, { flow: { ...request.flow, clientAddress: source } }), 1, 80, verdict);
  return [...verdict.targets];
}

const user = (i: number): RequestParts => ({ headers: ['X-User', `user-${i}`] });
const BY_USER = { stickyBy: { header: 'x-user' } };

function chosen(asked: Router, users = 500): number[] {
  return Array.from({ length: users }, (_, i) => i).filter((i) => targets(asked, user(i)).length > 0);
}

describe('a sticky sample', () => {
  it('gives a key the same verdict each time, on every node and after a restart', () => {
    const spec = { ...BY_USER, sample: { percent: 30 } };
    const first = chosen(router([policy(spec)]));
    expect(chosen(router([policy(spec)]))).toEqual(first);
    // Written down: another version, machine or process must choose the same.
    expect(first.slice(0, 8)).toEqual([3, 9, 10, 13, 14, 20, 28, 30]);
  });

  it('chooses others with another secret', () => {
    const spec = { ...BY_USER, sample: { percent: 30 } };
    const withSecret = chosen(router([policy(spec)], { secret: 'a secret of ours' }));
    expect(chosen(router([policy(spec)], { secret: 'a secret of ours' }))).toEqual(withSecret);
    expect(withSecret).not.toEqual(chosen(router([policy(spec)])));
  });

  it.each([0.5, 10, 33.3, 50, 97])('of %s percent keeps its share over 500 keys, within three sigma, for 20 policies but at most one', (percent) => {
    const share = percent / 100;
    let outside = 0;
    for (let i = 0; i < 20; i++) {
      const count = chosen(router([policy({ ...BY_USER, sample: { percent } }, `p${i}`)])).length;
      if (Math.abs(count - 500 * share) > 3 * Math.sqrt(500 * share * (1 - share))) outside += 1;
    }
    expect(outside).toBeLessThanOrEqual(1);
  });

  it('keeps those who are in when its share rises', () => {
    const some = chosen(router([policy({ ...BY_USER, sample: { percent: 10 } })]));
    const more = chosen(router([policy({ ...BY_USER, sample: { fraction: { numerator: 1, denominator: 4 } } })]));
    expect(more).toEqual(expect.arrayContaining(some));
    expect(more.length).toBeGreaterThan(some.length);
  });

  it('of 100 takes all and of 0 takes none, without a hash', () => {
    expect(chosen(router([policy({ ...BY_USER, sample: { percent: 100 } })]))).toHaveLength(500);
    expect(chosen(router([policy({ ...BY_USER, sample: { percent: 0 } })]))).toHaveLength(0);
  });

  it('chooses for each target by itself, and always alike', () => {
    const spec = { ...BY_USER, targets: [{ url: 'http://a', percent: 50 }, { url: 'http://b', percent: 50 }] };
    const asked = router([policy(spec)]);
    const counts = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const got = targets(asked, user(i));
      expect(targets(asked, user(i))).toEqual(got);
      counts.set(String(got), (counts.get(String(got)) ?? 0) + 1);
    }
    // Four ways, each a quarter: 500 ± 3 sigma (19.4).
    expect([...counts.keys()].sort()).toEqual(['', '0', '0,1', '1']);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(3 * 19.4);
  });

  it('differs from policy to policy, unless they share a seed', () => {
    const choice = (name: string, stickyBy: object): number[] => chosen(router([policy({ stickyBy, sample: { percent: 30 } }, name)]));
    expect(choice('a', { header: 'x-user' })).not.toEqual(choice('b', { header: 'x-user' }));
    expect(choice('a', { header: 'x-user', seed: 's' })).toEqual(choice('b', { header: 'x-user', seed: 's' }));
    expect(choice('a', { header: 'x-user', seed: 's' })).not.toEqual(choice('a', { header: 'x-user', seed: 't' }));
  });

  it('draws afresh for a request without a key, so that the share stays true', () => {
    const asked = router([policy({ ...BY_USER, sample: { percent: 20 } })], { random: seededRandom(5) });
    let count = 0;
    for (let i = 0; i < 500; i++) count += targets(asked, i % 2 === 0 ? {} : { headers: ['x-user', ''] }).length;
    expect(Math.abs(count - 100)).toBeLessThanOrEqual(3 * Math.sqrt(500 * 0.2 * 0.8));
  });
});

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the key of a request', () => {
  const alike = (stickyBy: object, a: RequestParts, b: RequestParts, sources: readonly [string?, string?] = []): boolean => {
    // Twenty policies choose by halves: two keys that differ agree in all of them once in a million.
    const asked = router(Array.from({ length: 20 }, (_, i) => policy({ stickyBy, sample: { percent: 50 } }, `p${i}`)));
    return String(targets(asked, a, sources[0])) === String(targets(asked, b, sources[1]));
  };

  it.each<[string, object, RequestParts, RequestParts, boolean]>([
    ['is a header, in any case of its name', { header: 'X-User' }, { headers: ['x-user', 'a'] }, { headers: ['X-USER', 'a'], target: '/b' }, true],
    ['is a header by its value', { header: 'X-User' }, { headers: ['x-user', 'a'] }, { headers: ['x-user', 'A'] }, false],
    ['is a cookie among others', { cookie: 'sid' }, { headers: ['Cookie', 'a=1; sid=7; b=2'] }, { headers: ['cookie', 'sid=7'] }, true],
    ['is a cookie by its value', { cookie: 'sid' }, { headers: ['Cookie', 'sid=7'] }, { headers: ['Cookie', 'sid=8'] }, false],
    ['is a cookie by its whole name', { cookie: 'sid' }, { headers: ['Cookie', 'xsid=1; sid=7'] }, { headers: ['Cookie', 'xsid=2; sid=7'] }, true],
    ['is a query parameter, decoded', { queryParam: 'u' }, { target: '/?u=a%20b' }, { target: '/x?v=1&u=a+b' }, true],
    ['is a query parameter by its value', { queryParam: 'u' }, { target: '/?u=a' }, { target: '/?u=b' }, false],
    ['is the trace, whatever the span', { traceId: true }, { headers: ['traceparent', `00-${TRACE}-00f067aa0ba902b7-01`] }, { headers: ['Traceparent', `00-${TRACE}-11f067aa0ba902b7-00`] }, true],
    ['is the trace of b3, too', { traceId: true }, { headers: ['b3', `${TRACE}-00f067aa0ba902b7-1`] }, { headers: ['X-B3-TraceId', TRACE.toUpperCase()] }, true],
    ['is the trace by its id', { traceId: true }, { headers: ['traceparent', `00-${TRACE}-00f067aa0ba902b7-01`] }, { headers: ['traceparent', `00-${TRACE.replace('4', '5')}-00f067aa0ba902b7-01`] }, false],
  ])('%s', (_, stickyBy, a, b, expected) => {
    expect(alike(stickyBy, a, b)).toBe(expected);
  });

  it('is the source address, whatever the port', () => {
    expect(alike({ sourceIP: true }, { target: '/a' }, { target: '/b' }, ['10.0.0.1', '10.0.0.1'])).toBe(true);
    expect(alike({ sourceIP: true }, {}, {}, ['10.0.0.1', '10.0.0.2'])).toBe(false);
  });
});
