import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { mirrorPolicyCrd } from '../../src/kube/crd.ts';
import { LEFT_TO_AGENT } from '../../src/kube/left-to-agent.ts';
import { MIRROR_POLICY } from '../../src/policy/schema.ts';
import { CRD_LIMIT, costOf, RULE_LIMIT, ruleCosts } from '../support/crd/cel-cost.ts';
import { properties, structuralProblems, type SchemaNode } from '../support/crd/structural.ts';

const crd = mirrorPolicyCrd();
const schema: SchemaNode = crd.spec.versions[0]!.schema.openAPIV3Schema;

/** Every node with its path: `.a` a field, `[]` an entry, `{}` a value of a map. */
function nodes(node: SchemaNode, path = ''): [string, SchemaNode][] {
  const { items, additionalProperties } = node;
  return [
    [path, node],
    ...Object.entries(properties(node)).flatMap(([name, child]) => nodes(child, `${path}.${name}`)),
    ...(items === undefined ? [] : nodes(items as SchemaNode, `${path}[]`)),
    ...(additionalProperties === undefined ? [] : nodes(additionalProperties as SchemaNode, `${path}{}`)),
  ];
}

const every = nodes(schema);

function pathsWhere(broken: (node: SchemaNode) => boolean): string[] {
  return every.filter(([path, node]) => path !== '.metadata' && broken(node)).map(([path]) => path);
}

describe('the CustomResourceDefinition', () => {
  it('names the resource as people call it', () => {
    expect(crd.metadata.name).toBe('mirrorpolicies.shadowtap.dev');
    expect(crd.spec.names).toMatchObject({ kind: 'MirrorPolicy', shortNames: ['mp'], categories: ['shadowtap'] });
    expect(crd.spec.scope).toBe('Namespaced');
  });

  it('keeps status apart from what users write', () => {
    expect(crd.spec.versions).toMatchObject([{ name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } }]);
  });

  it('has printer columns of fields that there are', () => {
    const paths = new Set(every.map(([path]) => path));
    const wrong = crd.spec.versions[0]!.additionalPrinterColumns
      .map(({ jsonPath }) => jsonPath.replace(/\[[^\]]*\]/g, '[]'))
      .filter((path) => path !== '.metadata.creationTimestamp' && !paths.has(path));
    expect(wrong).toEqual([]);
  });

  it('is small enough for kubectl apply, which keeps a copy in an annotation of at most 256 KiB', () => {
    expect(JSON.stringify(crd).length).toBeLessThan(128 * 1024);
  });
});

describe('its schema', () => {
  it('is structural', () => {
    expect(structuralProblems(schema)).toEqual([]);
  });

  it.each<[SchemaNode, string]>([
    [{}, '.a: has one type'],
    [{ type: ['string', 'array'] }, '.a: has one type'],
    [{ type: 'string', const: 'x' }, '.a: const is not allowed'],
    [{ $ref: '#/a' }, '.a: $ref is not allowed'],
    [{ type: 'array' }, '.a: an array has items'],
    [{ type: 'array', uniqueItems: true, items: { type: 'string' } }, '.a: uniqueItems is not allowed'],
    [{ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }, '.a: a list has keys if it is merged as a map'],
    [{ type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } }, '.a: entries of a set are scalars'],
    [{ type: 'object', properties: {}, additionalProperties: false }, '.a: additionalProperties is not false'],
    [{ type: 'object', required: ['b'] }, '.a: requires b, a field'],
    [{ type: 'string', enum: [1] }, '.a: words of enum are of the type'],
    [{ type: 'object', anyOf: [{ properties: { b: {} } }] }, '.a.anyOf.b: is a field outside of the junctor, too'],
    [{ type: 'string', anyOf: [{ type: 'string' }] }, '.a.anyOf: type is not allowed under a junctor'],
    [{ type: 'string', 'x-kubernetes-validations': [{ rule: 'true', message: 'a\nb' }] }, '.a: a message is one line'],
  ])('is judged by rules that find what is not structural: %j', (field, problem) => {
    expect(structuralProblems({ type: 'object', properties: { a: field } })).toContain(problem);
  });

  it('says no more of metadata than the API server lets it', () => {
    const described = { type: 'object', properties: { metadata: { type: 'object', description: 'Its names.' } } };
    expect(structuralProblems(described)).toEqual(['.metadata: only name and generateName are restricted']);
  });

  it('describes every field', () => {
    const undescribed = every.filter(([path, { description }]) => /\.\w+$/.test(path) && path !== '.metadata' && typeof description !== 'string');
    expect(undescribed.map(([path]) => path)).toEqual([]);
  });

  it('bounds every text, list and map, so that the cost of rules is bounded', () => {
    expect(pathsWhere(({ type, enum: words, maxLength }) => type === 'string' && words === undefined && maxLength === undefined)).toEqual([
      '.apiVersion',
      '.kind',
    ]);
    expect(pathsWhere(({ type, maxItems }) => type === 'array' && maxItems === undefined)).toEqual([]);
    expect(pathsWhere((node) => node['additionalProperties'] !== undefined && node['maxProperties'] === undefined)).toEqual([]);
  });

  it('bounds every number', () => {
    expect(pathsWhere(({ type, minimum, maximum }) => (type === 'integer' || type === 'number') && (minimum ?? maximum) === undefined)).toEqual([]);
  });

  it('says how server-side apply merges each list', () => {
    const merged = every.filter(([, node]) => node['type'] === 'array' && node['x-kubernetes-list-type'] !== 'atomic');
    expect(merged.map(([path, node]) => [path, node['x-kubernetes-list-type']])).toEqual([
      ['.spec.ports', 'set'],
      ['.status.conditions', 'map'],
      ['.status.targets', 'map'],
    ]);
  });

  const patterns = [...new Set(every.flatMap(([, { pattern }]) => (typeof pattern === 'string' ? [pattern] : [])))];

  it.each(patterns)('has patterns that RE2 and JavaScript read alike: %s', (pattern) => {
    const re2 = RE2JS.compile(pattern);
    const ours = new RegExp(pattern, 'u');
    const alike = (text: string): boolean => re2.matcher(text).find() === ours.test(text);
    const hostile = fc.constantFrom('', '\n', '\0', ' ', '-', '.', '/', '~', ':', '\x7f', '\x80', 'é', '\uffff', '😀', 'a', 'Z', '0', '%', '?');
    const near = fc.tuple(fc.stringMatching(ours), fc.nat(), hostile, fc.nat(2)).map(([text, at, insert, drop]) => {
      const position = at % (text.length + 1);
      return (text.slice(0, position) + insert + text.slice(position + drop)).toWellFormed();
    });
    fc.assert(fc.property(fc.oneof(near, fc.string({ unit: 'binary' }), fc.array(hostile).map((parts) => parts.join(''))), alike), {
      numRuns: 300,
      interruptAfterTimeLimit: 2000,
    });
  });
});

describe('its rules', () => {
  const costs = ruleCosts(schema);

  it('stay far below what the API server allows: a tenth for each, a tenth for all', () => {
    expect(costs.filter(({ total }) => total > RULE_LIMIT / 10)).toEqual([]);
    expect(costs.reduce((sum, { total }) => sum + total, 0)).toBeLessThan(CRD_LIMIT / 10);
  });

  it('are compared with costs that grow with the bounds', () => {
    const text = { type: 'string', maxLength: 100 };
    // The text once, the pattern a quarter: (400 + 1) / 10 rounded up, times 8 / 4; and one for `self`.
    expect(costOf("self.matches('12345678')", text)).toBe(41 * 2 + 1);
    expect(costOf("self.matches('12345678')", { type: 'string' })).toBe(Infinity);
    const [rule] = ruleCosts({ type: 'array', maxItems: 50, items: { ...text, 'x-kubernetes-validations': [{ rule: "self.matches('12345678')", message: '' }] } });
    expect(rule!.total).toBe(50 * rule!.each);
  });

  it('name only fields that there are, and compare only values of one type', () => {
    expect(() => costOf('self.b', { type: 'object', properties: { a: { type: 'string' } } })).toThrow('there is no field b');
    expect(() => costOf('self > 0', { type: 'number' })).toThrow('double is compared with int');
  });
});

describe('what the API server does not check', () => {
  /** Fields with a rule of ours, and whether CEL says it. */
  function ruledFields(node: object, path = ''): [string, boolean][] {
    const { properties = {}, items, anyOf = [], cel } = node as {
      properties?: Record<string, object>; items?: object; anyOf?: object[]; cel?: unknown;
    };
    return [
      ...('~refine' in node ? [[path, cel !== undefined] as [string, boolean]] : []),
      ...Object.entries(properties).flatMap(([name, child]) => ruledFields(child, path === '' ? name : `${path}.${name}`)),
      ...(items === undefined ? [] : ruledFields(items, `${path}[]`)),
      ...anyOf.flatMap((branch) => ruledFields(branch, path)),
    ];
  }

  it('is in the table of what is left to the agent, with every other rule said in CEL', () => {
    const fields = ruledFields(MIRROR_POLICY).filter(([path]) => path.startsWith('spec'));
    expect(fields.length).toBeGreaterThan(30);
    const left = LEFT_TO_AGENT.flatMap((entry) => entry.fields);
    expect(fields.filter(([path, said]) => !said && !left.includes(path)).map(([path]) => path)).toEqual([]);
  });

  it('is a table of fields that there are', () => {
    const paths = new Set(every.map(([path]) => path.slice(1)));
    expect(LEFT_TO_AGENT.flatMap(({ fields }) => fields).filter((field) => !paths.has(field))).toEqual([]);
  });
});
