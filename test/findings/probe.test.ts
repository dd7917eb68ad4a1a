import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTwice, squeeze } from '../../src/findings/probe/decode.ts';
import { Inspector } from '../../src/findings/probe/inspector.ts';
import { AGENT, HEADER, PATH, QUERY } from '../../src/findings/probe/probe.ts';
import { TokenScanner } from '../../src/findings/probe/token-scanner.ts';

const TIME_CAP = { interruptAfterTimeLimit: 3_000, markInterruptAsFailure: false } as const;

describe('the token scanner', () => {
  it('finds what a search for each token finds, in the order of their ends', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '/', '.'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(letters.map((token) => token.toLowerCase()), { minLength: 1, maxLength: 8 }), fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'B', '/', '.', 'x', 'é', '☃'), maxLength: 40 }), (tokens, text) => {
        const scanner = new TokenScanner(tokens);
        scanner.begin(text, 0, text.length);
        const found: string[] = [];
        while (scanner.find()) found.push(`${scanner.at} ${tokens[scanner.token]!}`);
        const expected = Array.from({ length: text.length + 1 }, (_, end) =>
          tokens.filter((token) => text.toLowerCase().slice(0, end).endsWith(token)).sort((a, b) => b.length - a.length).map((token) => `${end} ${token}`),
        ).flat();
        expect(found).toEqual(expected);
      }),
      TIME_CAP,
    );
  });

  it('looks at the part that it is told to', () => {
    const scanner = new TokenScanner(['abc']);
    scanner.begin('abcabcabc', 1, 8);
    expect(scanner.find()).toBe(true);
    expect(scanner.at).toBe(6);
    expect(scanner.find()).toBe(false);
  });

  it('refuses tokens that are empty or given twice', () => {
    expect(() => new TokenScanner([''])).toThrow(RangeError);
    expect(() => new TokenScanner(['a', 'a'])).toThrow(/given twice: a/);
  });
});

describe('decoding', () => {
  it.each([
    ['%2e%2e%2f', '../', 1],
    ['%252e%252E%252f', '../', 2],
    ['%25252e', '%2e', 2],
    ['%c0%ae%c0%af', './', 1],
    ['%u002e%u2215', '.∕', 1],
    ['100%', '100%', 0],
    ['%zz%4', '%zz%4', 0],
    ['a+b', 'a+b', 0],
  ])('makes of %j %j, encoded %i times', (raw, text, rounds) => {
    expect(decodeTwice(raw, false)).toEqual({ text, rounds });
  });

  it('takes a plus for a space in a query, but not one that was encoded', () => {
    expect(decodeTwice('a+b%2Bc', true).text).toBe('a b+c');
  });

  it('undoes what encodeURIComponent did, once and twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        const clean = text.replaceAll('%', '');
        expect(decodeTwice(encodeURIComponent(clean), false).text).toBe(clean);
        expect(decodeTwice(encodeURIComponent(encodeURIComponent(clean)), false).text).toBe(clean);
      }),
      TIME_CAP,
    );
  });

  it.each([
    ['union/**/select', 'union select'],
    ['union /* x */\t\n all', 'union all'],
    ['a/*b', 'a/*b'],
    ['/*/', '/*/'],
    ['  a', ' a'],
    ['plain', 'plain'],
  ])('squeezes %j to %j', (text, expected) => {
    expect(squeeze(text)).toBe(expected);
  });
});

describe('the inspector', () => {
  const inspector = new Inspector();
  const rulesOf = (text: string, place: number): string[] => (inspector.inspect(text, place, 'a header') ?? []).map(({ rule }) => rule);

  it.each([
    ['/a/../b'],
    ['/a/b/..'],
    ['/docs/..hidden/x'],
    ['/.well-known/security.txt'],
    ['/repo.git/info/refs'],
    ['/.environment'],
    ['/gitlab/.gitlab-ci'],
    ['/users/o%27reilly'],
  ])('has nothing against the path %s', (path) => {
    expect(rulesOf(path, PATH)).toEqual([]);
  });

  it.each([
    ["q=rock+'n'+roll"],
    ['q=men%27s+and+women%27s+shoes'],
    ['filter=price>10+and+stock>=1'],
    ['q=this+or+that'],
    ['next=../home'],
    ['pageToken=0123456789abcdef0123'],
    ['token=short'],
    ['password='],
    ['password={password}'],
    ['X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261125'],
    ['redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback'],
    ['t=Hello+{{name}}+%24{total}'],
    ['q=%3Cb%3Ebold%3C%2Fb%3E'],
    ['email=a%40b.example'],
    ['time=12:30&url=https://example.com/a:b'],
    ['identity=1;id=2;index=3'],
  ])('has nothing against the query %s', (query) => {
    expect(rulesOf(query, QUERY)).toEqual([]);
  });

  it('says how a probe was hidden, and not what was sent', () => {
    expect(inspector.inspect('file=%252e%252e%252f%252e%252e%252fhome/alice/diary', QUERY)).toEqual([
      { rule: 'path-traversal', evidence: 'a climb out of its folder in the query, percent-encoded twice' },
    ]);
    expect(inspector.inspect('api_key=0123456789abcdefSECRET', QUERY)).toEqual([{ rule: 'secret-in-url', evidence: 'parameter api_key in the query' }]);
  });

  it('reports a rule once a text', () => {
    expect(rulesOf('a=%3Cscript%3E&b=%3Cscript%3E&c=document.cookie', QUERY)).toEqual(['script-injection']);
  });

  it('looks for agents in User-Agent alone', () => {
    expect(rulesOf('sqlmap/1.8', AGENT)).toEqual(['scanner-agent']);
    expect(rulesOf('sqlmap/1.8', HEADER)).toEqual([]);
  });

  it('never says a word of what it was given', () => {
    const pieces = fc.constantFrom('SECRET', "' or '", '1=1', '../../', '%2e', '${jndi:', '{{', '7*7', '<script', '/.env', 'token=', 'password=', '://', 'u:SECRET@', 'eyJ', ';cat ', 'AKIA', '&', '/', '%00', ' ');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), fc.constantFrom(PATH, QUERY, HEADER, AGENT), (parts, place) => {
        for (const { evidence } of inspector.inspect(parts.join(''), place, 'a header') ?? []) {
          expect(evidence).not.toContain('SECRET');
          expect(evidence.length).toBeLessThanOrEqual(160);
          expect(evidence).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      TIME_CAP,
    );
  });

  it.each([
    ['percent signs', '%25'.repeat(40_000)],
    ['dots and slashes', '/a/..'.repeat(25_000)],
    ['comments that do not end', '/*'.repeat(60_000)],
    ['quotation marks', "' or ".repeat(25_000)],
    ['schemes', '://a:'.repeat(25_000)],
    ['braces', '{{'.repeat(60_000)],
    ['words of all kinds', '${${eyJ/..;id token=&://'.repeat(5_000)],
    ['nothing in particular', 'a'.repeat(120_000)],
  ])('takes bounded time for %s', (_, text) => {
    for (const place of [PATH, QUERY, HEADER, AGENT]) inspector.inspect(text, place);
    const before = process.cpuUsage();
    for (let i = 0; i < 100; i++) inspector.inspect(text, i % 2 === 0 ? PATH : QUERY);
    const { user } = process.cpuUsage(before);
    // Some 60 µs where it is measured; far from what anything quadratic would take.
    expect(user / 100).toBeLessThan(2_000);
  });
});
