import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Examples, RedactSpec } from '../../src/compare/differ/rules.ts';
import { MAX_SHOWN } from '../../src/compare/examples/mask.ts';
import { allOf, answer, differ, jsonAnswer, question } from './differ-support.ts';

const TOKEN = 'q7Jx2Lk9ZpR4tV8wYb3N';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

function shown(value: unknown, examples: Examples, name = 'v', redact?: Partial<RedactSpec>): string {
  const compared = differ({ examples }, redact);
  return allOf(compared.differences(question(), jsonAnswer(JSON.stringify({ [name]: value })), jsonAnswer(JSON.stringify({ [name]: [{}] }))))[0]!.production;
}

describe('an example', () => {
  it.each([
    [5, '5'],
    [-1.5e300, '-1.5e+300'],
    [true, 'true'],
    [null, 'null'],
    ['', 'empty text'],
    ['SHIPPED', '"SHIPPED"'],
    ['IN_PROGRESS', '"IN_PROGRESS"'],
    ['in_progress', 'text of 11 characters'],
    ['pending', '"pending"'],
    ['not-completed', 'text of 13 characters'],
    ['Erika Mustermann', 'text of 16 characters'],
    ['erika', 'text of 5 characters'],
    ['1', 'text of 1 character'],
    ['Größe 😀', 'text of 7 characters'],
    ['erika@example.com', 'e-mail address'],
    ['6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d', 'uuid'],
    ['2025-11-22T08:00:00.123Z', 'time'],
    ['2025-11-22', 'time'],
    ['Sat, 22 Nov 2025 08:00:00 GMT', 'time'],
    ['https://example.com/x', 'URL of 21 characters'],
    ['10.1.2.3', 'IP address'],
    ['4111 1111 1111 1111', 'card number'],
    [4111111111111111, 'card number'],
    [4111111111111112, '4111111111111112'],
    [JWT, 'JWT'],
    [TOKEN, 'token of 20 characters'],
    ['Bearer abc', 'token of 10 characters'],
    ['sk_live_abcdefgh', 'token of 16 characters'],
    ['-----BEGIN PRIVATE KEY-----\nabc', 'token of 31 characters'],
    [{ a: 1, b: { c: 2 } }, 'object with 2 fields'],
  ])('of %j says %j', (value, expected) => {
    expect(shown(value, 'Masked')).toBe(expected);
  });

  it('of a list and of an object says how large it is', () => {
    const [found] = allOf(differ().differences(question(), jsonAnswer('{"v":[1,{"a":2}]}'), jsonAnswer('{"v":{}}')));
    expect([found!.production, found!.mirror]).toEqual(['list of 2 elements', 'object with 0 fields']);
  });

  it('shows values only where the policy says so', () => {
    expect(shown('Erika Mustermann', 'Values')).toBe('"Erika Mustermann"');
    expect(shown('erika@example.com', 'Values')).toBe('"erika@example.com"');
    expect(shown('Erika', 'None')).toBe('');
    expect(shown(5, 'None')).toBe('');
  });

  it.each([TOKEN, JWT, `Bearer ${TOKEN}`, '4111-1111-1111-1111', `https://example.com/reset/${TOKEN}`, `see ${JWT} here`, 'a=1&password=hunter2&b', 'token: hunter2'])(
    'never shows what is secret: %j',
    (secret) => {
      expect(shown(secret, 'Values')).not.toMatch(/q7Jx|eyJ|4111|hunter2/);
      expect(shown(`${'long '.repeat(200)}${secret}`, 'Values')).not.toMatch(/q7Jx|eyJ|4111|hunter2/);
    },
  );

  it.each(['password', 'userPassword', 'access_token', 'apiKey', 'clientSecret', 'Authorization', 'sessionId', 'pin', 'iban'])('never shows a field called %s', (name) => {
    expect(shown('hunter2', 'Values', name)).toBe('(hidden)');
    expect(shown('hunter2', 'Masked', name)).toBe('(hidden)');
  });

  it.each(['completion_tokens', 'author', 'spin', 'keyboard', 'compass'])('shows a field called %s', (name) => {
    expect(shown(7, 'Masked', name)).toBe('7');
  });

  it('never shows what the policy redacts, nor what is in it', () => {
    expect(shown('Erika', 'Values', 'name', { jsonFields: ['/name'] })).toBe('(redacted)');
    const compared = differ({ examples: 'Values' }, { jsonFields: ['/*/card'] });
    const all = allOf(compared.differences(question(), jsonAnswer('[{"card":{"no":1},"n":1}]'), jsonAnswer('[{"card":{"no":2},"n":2}]')));
    expect(all.map(({ where, production }) => `${where}: ${production}`)).toEqual(['body /-/card/no: (redacted)', 'body /-/n: 1']);
  });

  it('quotes no text where something in it is to be redacted that only JSON would tell', () => {
    const compared = differ({ examples: 'Values' }, { jsonFields: ['/name'] });
    const [found] = allOf(compared.differences(question(), jsonAnswer('{"name":"Erika"'), jsonAnswer('{"name":"Max"')));
    expect(found).toMatchObject({ kind: 'text', production: 'line 1, character 10', mirror: 'line 1, character 10' });
  });

  it('is printable and short, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.constantFrom<Examples>('Masked', 'Values', 'None'), (text, examples) => {
        for (const written of [shown(text, examples), shown(1, examples, text)]) {
          expect(written.length).toBeLessThanOrEqual(MAX_SHOWN);
          expect(written).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202e]/u);
        }
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 3000 },
    );
  });

  it('masked shows no word of a text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{3,8} [A-Z][a-z]{4,9}$/), (text) => {
        const heads = differ().differences(question(), answer({ headers: ['X-Name', text] }), answer());
        for (const written of [shown(text, 'Masked'), allOf(heads)[0]!.production]) for (const word of text.split(' ')) expect(written).not.toContain(`"${word}`);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 2000 },
    );
  });
});
