import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { layOut } from '../../src/page/flow-layout.ts';
import { ledgerFlow } from '../../src/page/ledger-flow.ts';
import { reportAt, statsAt } from './figures.ts';

describe('the flow of the ledger', () => {
  it('leaves nothing out and counts nothing twice, whatever the ledger holds', () => {
    const slot = fc.record({ slot: fc.nat(OUTCOME_SLOTS.length - 1), count: fc.nat(1_000_000), policy: fc.constantFrom('', 'a/b', 'c/d') });
    fc.assert(
      fc.property(fc.array(slot, { maxLength: 60 }), fc.nat(50), (slots, open) => {
        const requests = slots.map(({ slot, count, policy }) => ({ policy, count, ...OUTCOME_SLOTS[slot]! }));
        const seen = requests.reduce((sum, { count }) => sum + count, open);
        const { requests: stations } = ledgerFlow({ seen, open, requests, copies: [] }, null);
        expect(stations[0].count).toBe(seen);
        for (const [i, { count, exits }] of stations.entries()) {
          const left = exits.reduce((sum, exit) => sum + exit.count, 0);
          expect(count - left).toBe(stations[i + 1]?.count ?? count);
          for (const exit of exits) expect(exit.reasons.reduce((sum, reason) => sum + reason.count, 0)).toBeLessThanOrEqual(exit.count);
        }
        const mirrored = requests.reduce((sum, { outcome, count }) => (outcome === 'mirrored' ? sum + count : sum), 0);
        expect(stations[3].count).toBe(mirrored);
      }),
      { interruptAfterTimeLimit: 3_000 },
    );
  });

  it('shares out the answered copies by what comparing them gave', () => {
    const { copies } = ledgerFlow(statsAt(100).ledger, reportAt(100));
    expect(copies.count).toBe(3_400);
    expect(copies.exits.map(({ name, count }) => [name, count])).toEqual([
      ['equal', 1_750],
      ['noise only', 1_200],
      ['different', 50],
      ['not compared', 200],
      ['no comparison wanted', 100],
      ['not in the report yet', 100],
    ]);
  });

  it('is drawn so that nothing overlaps, and what is there can be seen', () => {
    const { exits, stations, bands, height, width } = layOut(ledgerFlow(statsAt(1_000_000).ledger, reportAt(1_000_000)));
    for (const column of Map.groupBy(exits, ({ x }) => x).values()) {
      for (const [i, box] of column.entries()) {
        expect(box.height).toBeGreaterThanOrEqual(2);
        const next = column[i + 1];
        if (next !== undefined) expect(next.textY - box.textY).toBeGreaterThanOrEqual(16);
      }
    }
    for (const { y, height: tall, x } of [...stations, ...exits]) {
      expect(y + tall).toBeLessThanOrEqual(height);
      expect(x).toBeLessThan(width);
    }
    expect(bands.every(({ path }) => !path.includes('NaN'))).toBe(true);
  });

  it('is drawn of nothing, too', () => {
    const { bands, stations } = layOut(ledgerFlow({ seen: 0, open: 0, requests: [], copies: [] }, null));
    expect(bands).toEqual([]);
    expect(stations.map(({ height }) => height)).toEqual([0, 0, 0, 0, 0]);
  });
});
