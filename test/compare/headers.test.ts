import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HEADER_TABLE } from '../../src/compare/differ/header-table.ts';
import type { DiffSpec, RedactSpec } from '../../src/compare/differ/rules.ts';
import { cpuMsOf } from '../support/cpu.ts';
import { allOf, answer, differ, placesOf, question } from './differ-support.ts';

function places(production: string[], mirror: string[], spec: Partial<DiffSpec> = {}): string[] {
  return placesOf(differ(spec).differences(question(), answer({ headers: production }), answer({ headers: mirror })));
}

function examples(production: string[], mirror: string[], spec: Partial<DiffSpec> = {}, redact?: Partial<RedactSpec>): string[] {
  const [found] = allOf(differ(spec, redact).differences(question(), answer({ headers: production }), answer({ headers: mirror })));
  return [found!.production, found!.mirror];
}

describe('heads are equal', () => {
  it.each([
    [['A', '1', 'B', '2'], ['b', '2', 'a', '1']],
    [['X', 'a', 'X', 'b'], ['X', 'a, b']],
    [['Content-Type', 'text/html; charset=UTF-8'], ['content-type', 'Text/HTML;charset="utf-8"']],
    [['Content-Type', 'text/html; a=1; b=2'], ['Content-Type', 'text/html; b=2; a=1']],
    [['Content-Type', 'application/grpc'], ['Content-Type', 'application/grpc+proto']],
    [['Cache-Control', 'no-store, max-age = 0'], ['Cache-Control', 'Max-Age=0,no-store']],
    [['Vary', 'Accept-Encoding, Origin'], ['Vary', 'origin']],
    [['Vary', 'Accept-Encoding'], []],
    [['Vary', 'a', 'Vary', 'b'], ['Vary', 'B, A']],
    [['Set-Cookie', 'sid=1; Path=/; Expires=Sat, 22 Nov 2025 08:00:00 GMT'], ['set-cookie', 'sid=2; expires=Sun, 23 Nov 2025 08:00:00 GMT;path=/']],
    [['Set-Cookie', 'a=1', 'Set-Cookie', 'b=1'], ['Set-Cookie', 'b=2', 'Set-Cookie', 'a=2']],
    [['Date', 'x', 'X-Request-Id', '1', 'X-B3-TraceId', 'a', 'Content-Encoding', 'gzip'], ['Server', 'nginx']],
    [[':status', '200', 'a', '1'], ['a', '1']],
  ])('%j and %j', (one, other) => {
    expect(places(one, other)).toEqual([]);
    expect(places(other, one)).toEqual([]);
  });
});

describe('heads differ', () => {
  it.each([
    [['A', '1'], ['A', '2'], ['header header a']],
    [['A', '1'], [], ['missing header a']],
    [[], ['A', ''], ['added header a']],
    [['X', 'a', 'X', 'b'], ['X', 'b', 'X', 'a'], ['header header x']],
    [['Content-Type', 'text/html'], ['Content-Type', 'text/plain'], ['header header content-type']],
    [['Content-Type', 'multipart/mixed; boundary=a'], ['Content-Type', 'multipart/mixed; boundary=A'], ['header header content-type']],
    [['Cache-Control', 'private="a, b"'], ['Cache-Control', 'private="b, a"'], ['header header cache-control']],
    [['Set-Cookie', 'sid=1; Secure'], ['Set-Cookie', 'sid=1'], ['header header set-cookie']],
    [['Set-Cookie', 'sid=1; Path=/a'], ['Set-Cookie', 'sid=1; Path=/A'], ['header header set-cookie']],
    [['Set-Cookie', 'sid=1'], ['Set-Cookie', 'SID=1'], ['header header set-cookie']],
  ])('%j and %j: %j', (production, mirror, expected) => {
    expect(places(production, mirror)).toEqual(expected);
  });

  it('where the policy chooses headers, in these only, also in those that are ignored otherwise', () => {
    expect(places(['ETag', '1', 'A', '1'], ['etag', '2', 'a', '2'], { headers: ['ETag'] })).toEqual(['header header etag']);
  });

  it('not where the policy ignores them, by name or pattern', () => {
    const spec: Partial<DiffSpec> = { ignore: [{ header: 'X-Build' }, { pattern: 'header x-shard-.*' }] };
    expect(places(['x-build', '1', 'X-Shard-A', '1', 'b', '1'], ['X-Build', '2', 'b', '2'], spec)).toEqual(['header header b']);
  });

  it('in the length of content that is not sent', () => {
    const head = (length: string, ...more: string[]) => answer({ headers: ['Content-Length', length, ...more] });
    const compared = differ();
    expect(placesOf(compared.differences(question({ method: 'HEAD' }), head('5'), head('6')))).toEqual(['header header content-length']);
    expect(placesOf(compared.differences(question({ method: 'HEAD' }), head('5'), answer()))).toEqual([]);
    expect(placesOf(compared.differences(question({ method: 'HEAD' }), head('5'), head('6', 'Content-Encoding', 'gzip')))).toEqual([]);
    expect(placesOf(compared.differences(question(), head('5'), head('6')))).toEqual([]);
  });

  it('of any number without growing forever', () => {
    const compared = differ();
    for (let n = 0; n < 5000; n++) {
      const found = allOf(compared.differences(question(), answer({ headers: [`x-${n}`, '1'] }), answer()));
      expect(found[0]?.where).toBe(`header x-${n}`);
    }
  });

  it('in time that grows with their number, not with its square', () => {
    const many = (value: string): string[] => Array.from({ length: 20_000 }, (_, i) => [`x-${i}`, value]).flat();
    const same = Array.from({ length: 20_000 }, () => ['x', '1']).flat();
    expect(cpuMsOf(() => places(many('1'), many('2')))).toBeLessThan(1_500);
    expect(cpuMsOf(() => places(same, same.with(1, '2')))).toBeLessThan(1_500);
  });
});

describe('examples of heads', () => {
  it('show words of the protocol, and of other headers what they are', () => {
    expect(examples(['Content-Type', 'text/html'], ['content-type', 'text/plain'])).toEqual(['text/html', 'text/plain']);
    expect(examples(['X-User', 'Erika'], ['X-User', 'erika@example.com'])).toEqual(['text of 5 characters', 'e-mail address']);
    expect(examples(['X-User', 'Erika'], ['X-User', 'Max'], { examples: 'Values' })).toEqual(['"Erika"', '"Max"']);
    expect(examples(['X-User', 'Erika'], ['X-User', 'Max'], { examples: 'None' })).toEqual(['', '']);
  });

  it.each(['Authorization', 'X-Api-Key', 'X-Auth-Token', 'WWW-Authenticate', 'Cookie', 'X-CSRF-Token'])('never show %s', (name) => {
    expect(examples([name, 'abc'], [name, 'def'], { examples: 'Values' })).toEqual(['(hidden)', '(hidden)']);
  });

  it('never show values of cookies', () => {
    expect(examples(['Set-Cookie', 'sid=top-secret; Secure'], ['Set-Cookie', 'top-secret-too'], { examples: 'Values' })).toEqual(['sid; secure', '']);
  });

  it('never show what the policy redacts', () => {
    expect(examples(['X-User', 'a'], ['x-user', 'b'], { examples: 'Values' }, { headers: ['X-USER'] })).toEqual(['(redacted)', '(redacted)']);
    const address = (name: string, value: string): string[] => examples([name, value], [], { examples: 'Values' }, { queryParams: ['who'] });
    expect(address('Location', '/next?who=erika&page=2')[0]).toBe('"/next?page=2"');
    expect(address('Link', '</next?who=erika>; rel=next')[0]).not.toContain('erika');
  });
});

describe('the table of headers', () => {
  it('has each name once', () => {
    const names = HEADER_TABLE.flatMap((row) => row.names);
    expect(names).toEqual([...new Set(names)]);
  });

  it('is what docs/compare.md says', () => {
    const docs = readFileSync(new URL('../../docs/compare.md', import.meta.url), 'utf8');
    const rows = HEADER_TABLE.map(({ names, meaning, why }) => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${meaning} | ${why} |`);
    expect(rows.filter((row) => !docs.includes(row))).toEqual([]);
  });
});
