import { SocketAddress } from 'node:net';

/** An address as flows carry it (see `formatAddress`). @param text an IP address without a zone */
export function canonicalAddress(text: string): string {
  const family = text.includes(':') ? 'ipv6' : 'ipv4';
  return new SocketAddress({ address: text, family }).address.replace(/^::ffff:(?=.*\.)/, '');
}

/**
 * The text form of an address given as four little-endian words in memory order (see `Segment`): IPv4-mapped ones are
 * dotted, others as RFC 5952 recommends. Meant for once per flow.
 */
export function formatAddress(w0: number, w1: number, w2: number, w3: number): string {
  if (w0 === 0 && w1 === 0 && w2 === MAPPED) {
    return `${w3 & 255}.${(w3 >>> 8) & 255}.${(w3 >>> 16) & 255}.${w3 >>> 24}`;
  }
  const groups = [w0, w1, w2, w3].flatMap((word) => [swap(word & 0xffff), swap(word >>> 16)]);
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The third word of ::ffff:a.b.c.d: bytes 00 00 ff ff. */
const MAPPED = 0xffff0000 | 0;

function swap(group: number): number {
  return ((group & 255) << 8) | (group >>> 8);
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
