import { describe, expect, it } from 'vitest';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { Router } from '../../src/policy/router.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { Verdict } from '../../src/policy/verdict.ts';
import { exchange, grpcCall, policy, seededRandom, type RequestParts } from './support.ts';

const ENDPOINT = { id: 1, name: 'e', labels: {}, ports: [80] };

function ask(policies: readonly MirrorPolicy[], parts: RequestParts): Verdict {
  const verdict = new Verdict();
  new Router(buildSnapshot(1, policies, [ENDPOINT])).route(exchange(parts), 1, 80, verdict);
  return verdict;
}

describe('many policies on one endpoint', () => {
  it('say together what each says alone', () => {
    const random = seededRandom(3);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    const paths = ['/', '/a', '/a/', '/a/b', '/a/b/', '/a/b/c', '/ab', '/b', '//a', '/a//b', '/%61', '/é'];
    const types = ['Exact', 'PathPrefix'];
    const match = (): object => pick([
      () => ({ path: { type: pick(types), value: pick(paths) } }),
      () => ({ path: { type: pick(types), value: pick(paths) }, method: pick(['GET', 'POST']) }),
      () => ({ path: { type: 'RegularExpression', value: '/a/.*' } }),
      () => ({ method: 'POST' }),
      () => ({ grpc: { service: pick(['a', 'b', 'a.b']), ...(random() < 0.5 && { method: 'b' }) } }),
      () => ({ grpc: { type: pick(['Exact', 'RegularExpression']), method: 'b' } }),
    ])();
    const targets = ['/', '/a', '/a/', '/a/b?c=/b', '/a/b/c/d', '/ab', '/abc', '//a', '/a//b', '/a/b//', '*', 'http://h/a/b', 'http://h', '/%61', '/x', '?', '/a.b/b', '/b/b', '/a/c'];
    for (let round = 0; round < 200; round++) {
      const policies = Array.from({ length: 20 }, (_, i) => {
        const matches = Array.from({ length: Math.ceil(random() * 3) }, match);
        return policy({ matches, ...(random() < 0.2 && { excludes: [match()] }), ...(random() < 0.2 && { methods: ['POST'] }) }, `p${i}`);
      });
      const target = pick(targets);
      const parts = random() < 0.3 ? grpcCall(target) : { target, method: pick(['GET', 'POST']) };
      const together = ask(policies, parts);
      const alone = policies.map((one) => ask([one], parts));
      const admitted = alone.flatMap((verdict, index) => (verdict.targets.length > 0 ? [index] : []));
      expect([...together.targets].sort((a, b) => a - b)).toEqual(admitted);
      const linear = linearly(alone);
      expect([together.policy, together.targets.length > 0 ? 'mirrored' : together.slot], JSON.stringify(parts)).toEqual(linear);
    }
  });

  it('cost a request no more than a few of them, where their paths tell them apart', () => {
    const policies = Array.from({ length: 5000 }, (_, i) => policy({ matches: [{ path: { value: `/team-${i}/api` } }] }, `p${i}`));
    const router = new Router(buildSnapshot(1, policies, [ENDPOINT]));
    const verdict = new Verdict();
    const request = exchange({ target: '/team-7/api/items?x=1' });
    const started = performance.now();
    for (let i = 0; i < 20_000; i++) router.route(request, 1, 80, verdict);
    const microseconds = ((performance.now() - started) * 1000) / 20_000;
    expect(verdict.targets).toEqual([7]);
    // Looking at each takes hundreds.
    expect(microseconds).toBeLessThan(20);
  });

  it('cost a request no more than a few of them, where their services tell them apart', () => {
    const policies = Array.from({ length: 5000 }, (_, i) => policy({ matches: [{ grpc: { service: `shop.v1.Service${i}` } }] }, `p${i}`));
    const router = new Router(buildSnapshot(1, policies, [ENDPOINT]));
    const verdict = new Verdict();
    const call = exchange(grpcCall('/shop.v1.Service7/Get'));
    const started = performance.now();
    for (let i = 0; i < 20_000; i++) router.route(call, 1, 80, verdict);
    const microseconds = ((performance.now() - started) * 1000) / 20_000;
    expect(verdict.targets).toEqual([7]);
    expect(microseconds).toBeLessThan(20);
  });

  it('are found by paths of any depth, and by none too deep', () => {
    const deep = (depth: number): string => '/d'.repeat(depth);
    const policies = [1, 2, 31, 32, 33, 40].map((depth) => policy({ matches: [{ path: { value: deep(depth) } }] }, `d${depth}`));
    const others = Array.from({ length: 10 }, (_, i) => policy({ matches: [{ path: { value: `/o${i}` } }] }, `o${i}`));
    expect(ask([...policies, ...others], { target: deep(36) }).targets.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(ask([...policies, ...others], { target: deep(50_000) }).targets).toHaveLength(6);
  });
});

/** Policy and outcome that asking one after the other comes to. */
function linearly(alone: readonly Verdict[]): [number, number | string] {
  const first = alone.findIndex(({ targets }) => targets.length > 0);
  if (first >= 0) return [first, 'mirrored'];
  // Slots of the stages follow one another in the order of closeness: unmatched, excluded, method.
  const farthest = Math.max(...alone.map(({ slot }) => slot));
  return [alone[0]!.slot === farthest && alone.every(({ policy: one }) => one < 0) ? -1 : alone.findIndex(({ slot }) => slot === farthest), farthest];
}
