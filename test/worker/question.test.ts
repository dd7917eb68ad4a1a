import { describe, expect, it } from 'vitest';
import { HttpRequest } from '../../src/http/exchange.ts';
import { questionKey } from '../../src/worker/question.ts';

function key(fields: Partial<Pick<HttpRequest, 'method' | 'target' | 'headers' | 'authority'>> = {}, content: Buffer | null = null): string {
  return questionKey(Object.assign(new HttpRequest(), { method: 'GET', target: '/a?b=1', headers: ['Host', 'shop', 'Accept', 'text/html'], ...fields }), content);
}

describe('the key of a question', () => {
  it('is the same for requests that should get the same answer', () => {
    expect(key()).toBe(key());
    expect(key({ headers: ['HOST', 'shop', 'X-Request-Id', '1', 'accept', 'text/html', 'User-Agent', 'curl', 'traceparent', '00-1-2-01', 'x-ms-client-request-id', '7', 'True-Client-IP', '10.0.0.1', 'Idempotency-Key', '5'] })).toBe(key());
    expect(key({}, Buffer.from('one'))).toBe(key({}, Buffer.from('one')));
    expect(key({}, Buffer.alloc(0))).toBe(key());
  });

  it('differs with whatever a server chooses its answer by', () => {
    const others = [
      key({ method: 'HEAD' }),
      key({ target: '/a?b=2' }),
      key({ authority: 'shop' }),
      key({ headers: ['Host', 'shop', 'Accept', 'text/plain'] }),
      key({ headers: ['Host', 'other', 'Accept', 'text/html'] }),
      ...['Authorization', 'Cookie', 'Accept-Language', 'Accept-Encoding', 'Content-Type', 'X-Api-Key', 'X-Auth-Token', 'X-User-Id', 'X-Tenant', 'Api-Version', 'Origin', 'Range', 'If-None-Match', 'If-Modified-Since'].map((name) =>
        key({ headers: ['Host', 'shop', 'Accept', 'text/html', name, 'x'] }),
      ),
      key({}, Buffer.from('one')),
      key({}, Buffer.from('other')),
    ];
    expect(new Set([key(), ...others]).size).toBe(others.length + 1);
  });

  it('is told apart by who asks also once more names have been seen than are remembered', () => {
    for (let i = 0; i < 2_000; i++) key({ headers: [`X-Name-${i}`, 'x'] });
    expect(key({ headers: ['X-Account-Of', '1'] })).not.toBe(key({ headers: ['X-Account-Of', '2'] }));
    expect(key({ headers: ['X-Nothing-Of', '1'] })).toBe(key({ headers: ['X-Nothing-Of', '2'] }));
  });

  it('shows nothing of the request', () => {
    expect(key({ headers: ['Host', 'shop', 'Authorization', 'Bearer secret'] })).toMatch(/^[\w-]{24}$/);
  });
});
