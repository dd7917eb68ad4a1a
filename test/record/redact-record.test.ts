import { describe, expect, it } from 'vitest';
import { Redactor } from '../../src/mirror/redact.ts';
import { FILE_FORMATS } from '../../src/record/file-format.ts';
import { redacted } from '../../src/record/redact-record.ts';
import { call, record } from './support.ts';

const RULES = { headers: ['Authorization', 'x-token'], cookies: ['sid'], queryParams: ['card'], jsonFields: ['/user/name'] };
const SECRET = 'hunter2';

const secretive = record(
  {
    target: `/pay?card=${SECRET}&n=1`,
    headers: ['Authorization', SECRET, 'Cookie', `a=b; sid=${SECRET}`, 'Referer', `http://x/?card=${SECRET}`, 'Content-Type', 'application/json'],
    trailers: ['X-Token', SECRET],
    body: Buffer.from(JSON.stringify({ user: { name: SECRET, age: 5 } })),
  },
  {
    headers: ['Set-Cookie', `sid=${SECRET}; Path=/; HttpOnly`, 'Set-Cookie', 'a=b', 'Location', `/done?card=${SECRET}&n=1`, 'X-Token', SECRET],
    body: Buffer.from(JSON.stringify({ user: { name: SECRET }, ok: true })),
  },
);

describe.each(['Remove', 'Hash'] as const)('a record with secrets, %s', (mode) => {
  const clean = redacted(secretive, new Redactor({ ...RULES, mode }, 'key'));

  it.each(['ndjson', 'har'] as const)('has none of them in any form when it is written as %s', (format) => {
    const text = FILE_FORMATS[format].encode(clean).toString();
    const base64 = Buffer.from(text.match(/"(?:body|text)":"([A-Za-z0-9+/=]+)"/g)?.map((field) => Buffer.from(field.split('"')[3]!, 'base64').toString()).join() ?? '');
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(0, 8), encodeURIComponent(SECRET)]) expect(text).not.toContain(form);
    expect(base64.toString()).not.toContain(SECRET);
  });

  it('keeps all else, on both sides', () => {
    expect(clean.request.target).toMatch(mode === 'Remove' ? /^\/pay\?n=1$/ : /^\/pay\?card=redacted-\S{22}&n=1$/);
    expect(JSON.parse(clean.request.body!.toString())).toMatchObject({ user: { age: 5 } });
    expect(JSON.parse(clean.response!.body!.toString())).toMatchObject({ ok: true });
    expect(clean.request.headers).toContain('application/json');
    expect(clean.response!.headers.filter((_, i) => i % 2 === 1 && clean.response!.headers[i - 1] === 'Set-Cookie').at(-1)).toBe('a=b');
    expect(clean.response!.headers.join()).toMatch(mode === 'Remove' ? /Location,\/done\?n=1/ : /Set-Cookie,sid=redacted-\S{22}; Path=\/; HttpOnly.*Location,\/done\?card=redacted-\S{22}&n=1/);
  });

  it('has no content that cannot be looked into, and says so', () => {
    const gzip = record({ headers: ['Content-Encoding', 'gzip'], body: Buffer.from([0x1f, 0x8b]) }, { headers: ['Content-Type', 'application/json'], body: Buffer.from('{"user":') });
    const { request, response } = redacted(gzip, new Redactor({ ...RULES, mode }, 'key'));
    expect(request).toMatchObject({ body: null, missing: 'redacted', bodyLength: 2 });
    expect(response).toMatchObject({ body: null, missing: 'redacted' });
  });
});

it('a value of the request and of the response has the same hash', () => {
  const { request, response } = redacted(secretive, new Redactor({ ...RULES, mode: 'Hash' }, 'key'));
  const hash = /redacted-[\w-]{22}/.exec(request.headers[1]!)?.[0];
  expect(hash).toBeDefined();
  expect(response!.headers.join()).toContain(`sid=${hash!}`);
  expect(request.target).toContain(`card=${hash!}`);
});

it('a token behind the number sign of Location, as single sign-on sends it, is secret, too', () => {
  const { response } = redacted(record({}, { headers: ['Location', `https://app/cb#card=${SECRET}&n=1`] }), new Redactor({ ...RULES, mode: 'Remove' }, 'key'));
  expect(response!.headers).toEqual(['Location', 'https://app/cb#n=1']);
});

it('is taken out of what HTTP/2 has in its own places: path, authority, trailers', () => {
  const secret = call({ target: `/a?card=${SECRET}`, authority: SECRET, trailers: ['x-token', SECRET] }, { trailers: ['grpc-status', '0', 'x-token', SECRET] });
  const clean = redacted(secret, new Redactor({ ...RULES, headers: [...RULES.headers, 'host'], mode: 'Remove' }, 'key'));
  for (const format of ['ndjson', 'har'] as const) expect(FILE_FORMATS[format].encode(clean).toString()).not.toContain(SECRET);
  expect(clean.request).toMatchObject({ target: '/a', pseudo: secret.request.pseudo });
  expect(clean.response!.trailers).toEqual(['grpc-status', '0']);
});
