import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { references } from '../../scripts/generate-docs.ts';
import { inspect } from '../../src/config.ts';
import { AGENT } from '../../src/config/agent-schema.ts';
import { MIRROR_POLICY } from '../../src/policy/schema.ts';
import { toJsonSchema, type TSchema } from '../../src/policy/shape.ts';

const ROOT = new URL('../../', import.meta.url);

describe('what is made from the schemas', () => {
  it.each(Object.entries(references()))('is what they say; else run scripts/generate-docs.ts: %s', (path, text) => {
    expect(readFileSync(new URL(path, ROOT), 'utf8')).toBe(text);
  });

  it.each<[string, TSchema]>([
    ['MirrorPolicy', MIRROR_POLICY],
    ['Agent', AGENT],
  ])('describes every field: %s', (_, schema) => {
    expect(undescribed('', schema)).toEqual([]);
  });

  it('offers editors a schema in which fields with a default need not be given', () => {
    const schema = toJsonSchema(MIRROR_POLICY) as { properties: { spec: { required: string[] } } };
    expect(schema.properties.spec.required).toEqual(['selector']);
    expect(JSON.stringify(schema)).not.toMatch(/"(expects|uniqueBy|cel|~\w+)":/);
  });
});

describe('the examples', () => {
  const examples = readdirSync(new URL('examples/', ROOT)).filter((name) => name.endsWith('.yaml'));

  it('are there', () => {
    expect(examples).toContain('standalone.yaml');
  });

  it.each(examples)('are right: %s', (name) => {
    const reports = inspect(new URL(`examples/${name}`, ROOT).pathname);
    expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
  });
});

/** Paths of fields without a description or without what to give. */
function undescribed(path: string, schema: object): string[] {
  const { properties = {}, items } = schema as { properties?: Record<string, object>; items?: object };
  const fields = Object.entries(properties).flatMap(([name, child]) => {
    const { description, expects } = child as { description?: string; expects?: string };
    return [...(description && expects ? [] : [`${path}.${name}`]), ...undescribed(`${path}.${name}`, child)];
  });
  return items === undefined ? fields : [...fields, ...undescribed(`${path}[]`, items)];
}
