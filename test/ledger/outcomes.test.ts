import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OUTCOMES } from '../../src/ledger/outcomes.ts';

it('the README lists every outcome with its reasons, and no others', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
  const listed = rows.flatMap((row) => {
    const [, outcomes = '', reasons = ''] = row.split('|');
    return Array.from(outcomes.matchAll(/`([\w-]+)`/g), ([, outcome]) => [outcome!, reasons.trim()] as const);
  });
  const expected = Object.entries(OUTCOMES).map(([outcome, reasons]) => [outcome, reasons.filter((reason) => reason !== '').join(', ')] as const);
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(expected));
});
