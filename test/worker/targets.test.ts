import { describe, expect, it } from 'vitest';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { compileSnapshot } from '../../src/worker/targets.ts';
import { policy } from '../policy/support.ts';

/** What one target of this kind may do at a time. */
function bounds(target: Record<string, number>, limits: Record<string, number>): number[] {
  const made = policy({ targets: [{ url: 'http://mirror.example', ...target }], limits });
  const snapshot = buildSnapshot(1, [made], [{ id: 0, name: 'e', labels: {}, ports: [] }], { pemFiles: {} });
  const accounts = [PolicyAccount.allocate(1).buffer];
  const compiled = compileSnapshot({ kind: 'policies', snapshot, accounts, off: false }, 'shadowtap-mirrored');
  const [{ client, limits: { maxInFlight } }] = compiled.targets as [(typeof compiled.targets)[0]];
  return [client.connections, client.pipelining, maxInFlight];
}

describe('connections to a target', () => {
  it('are as many as the copies under way need, and no more than a thousand', () => {
    expect(bounds({}, {})).toEqual([128, 1, 128]);
    expect(bounds({ pipelining: 8 }, { maxInFlight: 100 })).toEqual([13, 8, 100]);
    expect(bounds({}, { maxInFlight: 65_536 })).toEqual([1024, 1, 1024]);
    expect(bounds({ pipelining: 64 }, { maxInFlight: 65_536 })).toEqual([1024, 64, 65_536]);
  });

  it('bound the copies under way where they are given', () => {
    expect(bounds({ connections: 2 }, {})).toEqual([2, 1, 2]);
    expect(bounds({ connections: 2, pipelining: 4 }, { maxInFlight: 100 })).toEqual([2, 4, 8]);
  });
});
