import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../src/http/exchange.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { prepareCopy } from '../../src/mirror/prepare-copy.ts';
import { rewriteRules } from '../../src/mirror/rewrite-rules.ts';
import type { PreparedCopy } from '../../src/mirror/copy.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { policy } from '../policy/support.ts';
import { bytesRetained } from '../support/heap.ts';
import { requestOf } from '../support/parsed-request.ts';

const MADE = policy({ redact: { headers: ['Cookie'], jsonFields: ['/pin'] } });
const RULES = {
  rules: rewriteRules(MADE, MADE.spec.targets[0]!, new URL('http://mirror.example'), 'shadowtap-mirrored', hashKeys('a secret for tests')),
  maxBodyBytes: 100,
};

function prepared(request: HttpRequest, body: Buffer | null = null): PreparedCopy {
  const copy = prepareCopy(RULES, request, body);
  if (typeof copy === 'number') throw new Error(JSON.stringify(OUTCOME_SLOTS[copy]));
  return copy;
}

describe('a copy', () => {
  it.each([
    ['a long field that stays', `X: ${'v'.repeat(30_000)}\r\n`, 100],
    ['a long field that is taken out', `Cookie: ${'v'.repeat(30_000)}\r\n`, 100],
    ['a thousand short fields', 'abcd:1234\r\n'.repeat(1000), 100],
    ['hardly anything', '', 1000],
  ])('takes no more memory than it is charged for, with %s', (_, fields, count) => {
    let charged = 0;
    const held = bytesRetained(() =>
      Array.from({ length: count }, (_each, i) => {
        const copy = prepared(requestOf(`GET /path/of/some/length/${i} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`));
        charged += copy.room;
        return copy;
      }),
    );
    expect(held).toBeLessThan(charged * 1.1);
    // Nor much less: a queue would be full too soon.
    expect(charged).toBeLessThan(held * 2.5 + count * 2048);
  });

  it('takes room for its content only where that is not the captured one', () => {
    const request = requestOf('POST / HTTP/1.1\r\n\r\n');
    const [same, changed] = ['n=1,pin', '{"n":1,"pin":2}'].map((text) => prepared(request, Buffer.from(text)));
    expect(same!.bytes - same!.room).toBe(7);
    expect(changed!.bytes - changed!.room).toBe(0);
  });

  it('is too large by what was captured', () => {
    const end = (bytes: number): unknown => prepareCopy(RULES, requestOf('POST / HTTP/1.1\r\n\r\n'), Buffer.alloc(bytes, 'x'));
    expect(OUTCOME_SLOTS[end(101) as number]).toEqual({ outcome: 'too-large', reason: '' });
    expect(end(100)).toMatchObject({ request: { body: Buffer.alloc(100, 'x') } });
  });

  it('has empty content where the request said so', () => {
    const empty = Object.assign(requestOf('POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n'), { declaredLength: 0 });
    expect(prepared(empty).request.body).toEqual(Buffer.alloc(0));
    expect(prepared(requestOf('POST / HTTP/1.1\r\n\r\n')).request.body).toBeNull();
  });
});
