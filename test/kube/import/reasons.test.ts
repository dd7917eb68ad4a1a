import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesUnder, readSource } from '../../support/sources.ts';

const PAGE = readFileSync(new URL('../../../docs/import.md', import.meta.url), 'utf8');

describe('the page about importing', () => {
  it('explains every reason, and no other', () => {
    const sources = filesUnder('src/kube/import', '.ts').map((path) => readSource(path).text).join('\n');
    const given = Array.from(sources.matchAll(/(?:reason: |refused\()'([A-Z]\w+)'/g), ([, reason]) => reason!);
    const table = PAGE.slice(PAGE.indexOf('## Problems'), PAGE.indexOf('## What no policy'));
    const told = table.split('\n').flatMap((line) => Array.from((line.split('|')[1] ?? '').matchAll(/`([A-Z]\w+)`/g), ([, reason]) => reason!));
    expect(given.length).toBeGreaterThan(30);
    expect([...new Set(told)].sort()).toEqual([...new Set(given)].sort());
  });
});
