import { describe, expect, it } from 'vitest';
import { connectionHash } from '../../../src/tap/frame/hash.ts';
import { Segment } from '../../../src/tap/segment.ts';

function connection(client: number, server: number, sport: number, dport: number): Segment {
  return Object.assign(new Segment(), { src2: -65536, src3: client, dst2: -65536, dst3: server, sport, dport });
}

function reversed(s: Segment): Segment {
  return Object.assign(new Segment(), { src2: s.dst2, src3: s.dst3, dst2: s.src2, dst3: s.src3, sport: s.dport, dport: s.sport });
}

describe('connectionHash', () => {
  it('is the same for both directions', () => {
    for (let i = 0; i < 1000; i++) {
      const segment = connection(i * 7919, 0x0200000a, 32768 + i, 80);
      expect(connectionHash(reversed(segment))).toBe(connectionHash(segment));
    }
  });

  it.each([2, 3, 4, 8])('spreads the ports of one client evenly over %i rings', (rings) => {
    const counts = new Array<number>(rings).fill(0);
    // Linux gives a client every second port.
    for (let port = 32768; port < 60000; port += 2) counts[(connectionHash(connection(0x0100000a, 0x0200000a, port, 8080)) >>> 0) % rings]!++;
    const fair = (60000 - 32768) / 2 / rings;
    for (const count of counts) expect(Math.abs(count - fair) / fair).toBeLessThan(0.05);
  });

  it('has no two of fifty thousand connections in common more often than chance has it', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 50_000; i++) seen.add(connectionHash(connection(0x0100000a + (i >> 8) * 256, 0x0200000a, 32768 + (i & 255), 80)));
    expect(50_000 - seen.size).toBeLessThan(5);
  });
});
