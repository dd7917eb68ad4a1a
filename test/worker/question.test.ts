import { describe, expect, it } from 'vitest';
import { HttpRequest } from '../../src/http/exchange.ts';
import { questionKey } from '../../src/worker/question.ts';

function key(fields: Partial<Pick<HttpRequest, 'method' | 'target' | 'headers' | 'authority'>> = {}, content: Buffer | null = null): string {
  return questionKey(Object.assign(new HttpRequest(), { method: 'GET', target: '/a?b=1', headers: ['Host', 'shop', 'Accept', 'text/html'], ...fields }), content);
}

describe('the key of a question', () => {
  it('is the same for requests that should get the same answer', () => {
    expect(key()).toBe(key());
    expect(key({ headers: ['HOST', 'shop', 'X-Request-Id', '1', 'accept', 'text/html', 'User-Agent', 'curl', 'traceparent', '00-1-2-01'] })).toBe(key());
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
      ...['Authorization', 'Cookie', 'Accept-Language', 'Accept-Encoding', 'Content-Type', 'X-Api-Key', 'Range', 'If-None-Match', 'If-Modified-Since'].map((name) =>
        key({ headers: ['Host', 'shop', 'Accept', 'text/html', name, 'x'] }),
      ),
      key({}, Buffer.from('one')),
      key({}, Buffer.from('other')),
    ];
    expect(new Set([key(), ...others]).size).toBe(others.length + 1);
  });

  it('shows nothing of the request', () => {
    expect(key({ headers: ['Host', 'shop', 'Authorization', 'Bearer secret'] })).toMatch(/^[\w-]{24}$/);
  });
});
