import { describe, expect, it } from 'vitest';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import type { EmitterTarget } from '../../src/mirror/emitter.ts';
import { Planner } from '../../src/mirror/planner.ts';
import { rewriteRules } from '../../src/mirror/rewrite-rules.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { policy } from '../policy/support.ts';
import { bytesRetained } from '../support/heap.ts';
import { requestOf } from '../support/parsed-request.ts';

function target(key: string, spec: Record<string, unknown> = {}): EmitterTarget {
  const made = policy(spec, key);
  const url = new URL('http://mirror.example');
  return {
    key,
    origin: url.origin,
    addresses: null,
    rules: rewriteRules(made, made.spec.targets[0]!, url, 'shadowtap-mirrored', hashKeys('a secret for tests')),
    limits: { maxInFlight: 1, maxQueued: 1, maxBytes: 1 << 20, timeoutMs: 1000, rate: null },
    maxBodyBytes: 100,
    client: { connections: 1, pipelining: 1 },
    tls: {},
    ordered: false,
    streaming: true,
    adaptive: null,
    account: PolicyAccount.allocate(1),
    index: 0,
  };
}

/** @returns how the copy ended */
function offer(planner: Planner, head: string, body: string | null = null): string {
  let end = '';
  const onCopyEnd = (slot: number): void => {
    const { outcome, reason } = OUTCOME_SLOTS[slot]!;
    end = `${outcome}:${reason}`;
  };
  planner.offer(0, requestOf(head), body === null ? null : Buffer.from(body), 0, { keeper: null, onCopyEnd });
  return end;
}

describe('a planner', () => {
  it('does not keep the heads that paths and methods came in', () => {
    const planner = new Planner();
    planner.configure([target('a')]);
    const held = bytesRetained(() => {
      for (let i = 0; i < 300; i++) offer(planner, `METHOD-OF-OUR-OWN-${i} /a/longer/path/${i} HTTP/1.1\r\nCookie: ${'v'.repeat(100_000)}\r\n\r\n`);
      return planner;
    });
    expect(held).toBeLessThan(3 << 20);
    expect(planner.report()[0]!.byPath).toMatchObject({ '/a/longer/path/7': 1 });
  });

  it('counts long paths by their beginning, and paths beyond so many together', () => {
    const planner = new Planner();
    planner.configure([target('a')]);
    for (let i = 0; i < 600; i++) offer(planner, `GET /${i}?secret HTTP/1.1\r\n\r\n`);
    const [first, ...more] = Object.entries(planner.report()[0]!.byPath).filter(([, count]) => count > 1);
    expect([first, more]).toEqual([['(others)', 88], []]);
    planner.configure([target('b')]);
    for (const end of ['a', 'b']) offer(planner, `GET /${'x'.repeat(10_000)}${end} HTTP/1.1\r\n\r\n`);
    expect(Object.entries(planner.report()[1]!.byPath)).toEqual([[`/${'x'.repeat(255)}...`, 2]]);
  });

  it('counts what would not be sent as it would end', () => {
    const planner = new Planner();
    planner.configure([target('a', { redact: { jsonFields: ['/pin'] } })]);
    expect(offer(planner, 'POST / HTTP/1.1\r\n\r\n', 'x'.repeat(101))).toBe('too-large:');
    expect(offer(planner, 'POST / HTTP/1.1\r\n\r\n', '{pin:1}')).toBe('failed:redaction');
    expect(offer(planner, 'POST / HTTP/1.1\r\n\r\n', '{"n":1}')).toBe('planned:');
    expect(planner.report()).toMatchObject([{ requests: 1 }]);
  });

  it('reports targets that are gone, up to a bound', () => {
    const planner = new Planner();
    const any = target('a');
    for (let i = 0; i < 1000; i++) {
      planner.configure([{ ...any, key: `${i}`, origin: `http://mirror-${i}` }]);
      offer(planner, 'GET / HTTP/1.1\r\n\r\n');
    }
    const origins = planner.report().map(({ origin }) => origin);
    expect(origins).toHaveLength(257);
    expect(origins.at(-1)).toBe('http://mirror-999');
  });
});
