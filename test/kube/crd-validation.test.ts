import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { mirrorPolicyCrd } from '../../src/kube/crd.ts';
import { LEFT_TO_AGENT } from '../../src/kube/left-to-agent.ts';
import { policyOf } from '../../src/kube/policy-document.ts';
import { formatPath } from '../../src/policy/check.ts';
import * as comparisons from '../policy/cases/comparisons.ts';
import * as policies from '../policy/cases/policies.ts';
import * as transforms from '../policy/cases/transforms.ts';
import { complaints, policyDocument } from '../policy/support.ts';
import { admit, defaulted } from '../support/crd/admission.ts';
import type { SchemaNode } from '../support/crd/structural.ts';

const schema: SchemaNode = mirrorPolicyCrd().spec.versions[0]!.schema.openAPIV3Schema;

const GOOD = [...policies.GOOD, ...transforms.GOOD, ...comparisons.GOOD].map(([name, spec]) => [name, spec] as const);
const BAD = [...policies.BAD, ...transforms.BAD, ...comparisons.BAD].map(([spec]) => spec);

/** As it comes to the API server: what JSON cannot say (NaN, undefined) does not get there. */
function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** Fields that the agent complains about. */
function refused(object: unknown): string[] {
  return (policyOf(object).problems ?? []).map(({ path }) => formatPath(path).replace(/\[\d+\]/g, '[]'));
}

const LEFT = LEFT_TO_AGENT.flatMap(({ fields }) => fields);

/** The API server and the agent agree on an object, but for what is left to the agent. */
function expectAgreement(document: unknown): void {
  const { object, problems } = admit(schema, json(document));
  const fields = refused(object);
  if (problems.length > 0) expect(fields, `refused by the API server: ${problems.join('; ')}`).not.toEqual([]);
  else expect(fields.filter((path) => !LEFT.includes(path))).toEqual([]);
}

describe('the API server and the agent', () => {
  it.each(GOOD)('both take what is right: %s', (_, spec) => {
    const { object, problems } = admit(schema, json(policyDocument(spec)));
    expect(problems).toEqual([]);
    expect(refused(object)).toEqual([]);
  });

  it.each(BAD.map((spec) => [spec]))('both refuse what is wrong, or it is left to the agent: %j', (spec) => {
    expectAgreement(policyDocument(spec));
  });

  it('leave to the agent what the table says, and nothing else', () => {
    const beyond: Record<string, unknown>[] = [
      { targets: [{ url: 'http://a:99999' }] },
      { targets: [{ url: 'http://1.2.3.999' }] },
      { methods: 5 },
      { from: [{ ipBlock: { cidr: '010.0.0.0/8' } }] },
    ];
    const taken = [...BAD, ...beyond].map((spec) => json(policyDocument(spec))).filter((document) => admit(schema, document).problems.length === 0);
    expect(taken.flatMap(complaints).map((complaint) => complaint.replace(/: invalid .*/, ''))).toEqual([
      'spec.matches[0].path: value "(a)\\\\1" is not allowed; give a pattern in RE2 syntax (no look-around, no back-references)',
      'spec.matches[0].grpc: method "(?=x)" is not allowed; give a pattern in RE2 syntax (no look-around, no back-references)',
      'spec: give at most 64 patterns in matches, excludes and compare.ignore (here are 66)',
      'spec.matches[0].headers[0]: value "(?=x)" is not allowed; give a pattern in RE2 syntax (no look-around, no back-references)',
      'spec.from[0].ipBlock: except "11.0.0.0/16" is not allowed; give a block within 10.0.0.0/8',
      'spec.from[0].ipBlock: except "10.0.0.0/7" is not allowed; give a block within 10.0.0.0/8',
      'spec.from[0].ipBlock: except "fd00::/16" is not allowed; give a block within 10.0.0.0/8',
      'spec: give at most 64 patterns in matches, excludes and compare.ignore (here are 65)',
      'spec.compare.headers: 5 is not allowed; give All, or a list of header names such as [content-type, location]',
      'spec.compare.ignore[0].pattern: "(?=x)" is not allowed; give a pattern in RE2 syntax (no look-around, no back-references)',
      'spec: give at most 64 patterns in matches, excludes and compare.ignore (here are 65)',
      'spec.targets[0].url: "http://a:99999" is not allowed; give an address such as http://127.0.0.1:8080 or https://shadow.example/base',
      'spec.targets[0].url: "http://1.2.3.999" is not allowed; give an address such as http://127.0.0.1:8080 or https://shadow.example/base',
      'spec.methods: 5 is not allowed; give All, Safe, or a list of methods such as [GET, POST]',
      'spec.from[0].ipBlock: cidr "010.0.0.0/8" is not allowed; give a block such as 10.0.0.0/8 or fd00::/8',
    ]);
  });

  const folder = new URL('../../examples/', import.meta.url);
  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('both take the policies of examples/%s', (name) => {
    const documents = parseAllDocuments(readFileSync(new URL(name, folder), 'utf8')).map((document) => document.toJS() as { kind?: string } | null);
    for (const document of documents.filter((each) => each?.kind === 'MirrorPolicy')) {
      const { object, problems } = admit(schema, json(document));
      expect([problems, refused(object)]).toEqual([[], []]);
    }
  });

  it('agree on any mixture of right and wrong fields', () => {
    const some = fc.subarray([...GOOD.map(([, spec]) => spec), ...BAD], { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(some, (specs) => expectAgreement(policyDocument(Object.assign({}, ...specs) as Record<string, unknown>))), {
      numRuns: 1000,
      interruptAfterTimeLimit: 10_000,
    });
  });

  it('agree on policies with a value changed at random', () => {
    const value = fc.constantFrom<unknown>(null, true, 0, 1, -1, 1.5, 1e9, '', 'a', 'A', '/', '/a b', '5s', '10.0.0.0/8', [], [''], [0], {}, { a: 1 });
    const some = fc.tuple(fc.constantFrom(...GOOD), fc.nat(), value).map(([[, spec], at, replacement]) => replaced(spec, at, replacement));
    fc.assert(fc.property(some, (spec) => expectAgreement(policyDocument(spec as Record<string, unknown>))), {
      numRuns: 2000,
      interruptAfterTimeLimit: 10_000,
    });
  });
});

/** A copy in which one of the values, at any depth, is another one. */
function replaced(root: unknown, at: number, replacement: unknown): unknown {
  const copy = structuredClone(root);
  const places: [Record<string, unknown>, string][] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, child] of Object.entries(value)) {
      places.push([value as Record<string, unknown>, name]);
      visit(child);
    }
  };
  visit(copy);
  const place = places[at % places.length];
  if (place !== undefined) place[0][place[1]] = replacement;
  return copy;
}

describe('defaults', () => {
  it.each(GOOD)('of the API server are those of the agent: %s', (_, spec) => {
    const document = json(policyDocument(spec));
    const ours = policyOf(document).value!;
    const theirs = defaulted(schema, document) as { spec: unknown };
    expect(theirs.spec).toEqual(ours.spec);
  });

  it.each(GOOD)('change nothing where they are there already: %s', (_, spec) => {
    const once = defaulted(schema, json(policyDocument(spec)));
    expect(defaulted(schema, once)).toEqual(once);
    expect(policyOf(policyOf(once).value).value).toEqual(policyOf(once).value);
  });
});

describe('a status', () => {
  const good = {
    observedGeneration: 3,
    conditions: [{ type: 'Accepted', status: 'True', observedGeneration: 3, lastTransitionTime: '2027-01-01T00:00:00Z', reason: 'Accepted', message: '' }],
    nodes: 2,
    endpoints: 5,
    counts: { seen: 10, mirrored: 4, failed: 1, shed: 1, incomplete: 1, other: 3 },
    countedAt: '2027-01-01T00:00:00.123Z',
    share: 50,
    targets: [{ target: 'shop/next:80', mirrored: 4, failed: 1, shed: 1 }],
  };

  it('is taken as the agents write it', () => {
    expect(admit(schema, { ...policyDocument(), status: good }).problems).toEqual([]);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ nodes: -1 }, '.status.nodes: value -1 is below 0'],
    [{ share: 1.5 }, '.status.share: has another type'],
    [{ countedAt: 'now' }, '.status.countedAt: is no time'],
    [{ conditions: [good.conditions[0], good.conditions[0]] }, '.status.conditions: has an entry twice'],
    [{ conditions: [{ ...good.conditions[0], reason: '' }] }, '.status.conditions[0].reason: number of characters 0 is below 1'],
  ])('is refused where it is wrong: %j', (fields, problem) => {
    expect(admit(schema, { ...policyDocument(), status: { ...good, ...fields } }).problems).toContain(problem);
  });
});
