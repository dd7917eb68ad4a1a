import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { headerClass, HOST, KEEP } from '../../src/mirror/header-class.ts';
import { requestOf } from '../support/parsed-request.ts';
import { bytesRetained } from '../support/heap.ts';

const MIB = 1 << 20;
const LONG = 'v'.repeat(100_000);

function* longHeads(count: number, path = '/'): Iterable<HttpRequest> {
  for (let i = 0; i < count; i++) yield requestOf(`GET ${path}${i} HTTP/1.1\r\nHost: a\r\nX-Hostile-Nam-${i}: 1\r\nCookie: ${LONG}\r\n\r\n`);
}

describe('what is remembered of header names', () => {
  it('does not keep the heads that they came in', () => {
    const held = bytesRetained(() => {
      for (const { headers } of longHeads(300)) for (let i = 0; i < headers.length; i += 2) headerClass(headers[i]!);
    });
    expect(held).toBeLessThan(3 * MIB);
  });

  it('is right for every spelling, and for names that are no class of ours', () => {
    expect([headerClass('hOsT'), headerClass('HOST'), headerClass('hOsT')]).toEqual([HOST, HOST, HOST]);
    expect([headerClass('x'.repeat(1000)), headerClass('constructor'), headerClass('')]).toEqual([KEEP, KEEP, KEEP]);
  });
});
