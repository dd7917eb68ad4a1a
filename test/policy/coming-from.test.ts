import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { API_VERSION, MIRROR_POLICY } from '../../src/policy/schema.ts';
import { complaints } from './support.ts';

const PAGE = readFileSync(new URL('../../docs/coming-from.md', import.meta.url), 'utf8');
const EXAMPLES = Array.from(PAGE.matchAll(/```yaml\n([^]*?)```/g), ([, text]) => text!);

describe('the page for those who come from other tools', () => {
  it('has an example for each of them', () => {
    expect(EXAMPLES).toHaveLength(5);
    for (const text of EXAMPLES) expect(text).toContain(`apiVersion: ${API_VERSION}`);
  });

  it.each(EXAMPLES)('has examples that are right: %s', (text) => {
    expect(complaints(parse(text))).toEqual([]);
  });

  it('names only fields that there are', () => {
    const known = new Set(fieldNames(MIRROR_POLICY));
    const tables = PAGE.split('\n').filter((line) => /^\| .* \| .* \|$/.test(line));
    const ours = tables.flatMap((line) => Array.from((line.split(/(?<!\\)\|/).at(-2) ?? '').matchAll(/`((?:targets|matches|excludes|from|sample|limits|stickyBy)[[\].\w]*)/g), ([, path]) => path!));
    expect(ours.length).toBeGreaterThan(25);
    const unknown = ours.flatMap((path) => path.replaceAll('[]', '').split('.')).filter((name) => !known.has(name));
    expect(unknown).toEqual([]);
  });
});

function fieldNames(schema: object): string[] {
  const { properties = {}, items, anyOf = [] } = schema as { properties?: Record<string, object>; items?: object; anyOf?: object[] };
  const inside = [...Object.values(properties), ...(items === undefined ? [] : [items]), ...anyOf].flatMap(fieldNames);
  return [...Object.keys(properties), ...inside];
}
