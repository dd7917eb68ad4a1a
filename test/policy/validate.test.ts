import { describe, expect, it } from 'vitest';
import { policyName } from '../../src/policy/policy-name.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import * as comparisons from './cases/comparisons.ts';
import * as policies from './cases/policies.ts';
import { complaints, policy, policyDocument } from './support.ts';

describe('a MirrorPolicy with nothing but what it must have', () => {
  it('gets every default', () => {
    expect(policy()).toEqual({
      apiVersion: 'shadowtap.dev/v1alpha1',
      kind: 'MirrorPolicy',
      metadata: { name: 'p', namespace: 'default' },
      spec: {
        selector: { matchLabels: {}, matchExpressions: [] },
        ports: [],
        from: [],
        matches: [],
        excludes: [],
        methods: 'All',
        trace: 'Unsampled',
        idempotencyKeys: 'Keep',
        targets: [{ url: policies.URL, percent: 100, hostname: 'Preserve', protocol: 'Preserve', filters: [], pipelining: 1, role: 'Mirror' }],
        observe: false,
        limits: { maxBodyBytes: 1_048_576, maxInFlight: 128, maxQueued: 1024, maxQueueBytes: 16_777_216, requestsPerSecond: 0, timeout: '5s' },
        ordering: 'None',
      grpc: { streaming: 'Mirror' },
      },
    });
  });

  it('gets the defaults of comparing with compare', () => {
    expect(policy({ compare: {} }).spec.compare).toEqual({
      percent: 100,
      maxPerSecond: 100,
      maxBodyBytes: 262_144,
      headers: 'All',
      ignore: [],
      tolerance: [],
      keyed: [],
      learnNoise: true,
      examples: 'Masked',
      maxDifferentPercent: 0,
      maxSlowdownPercent: 10,
      confidencePercent: 95,
      minCompared: 100,
    });
  });

  it('is called by namespace and name', () => {
    expect(policyName(policy({}, 'next'))).toBe('default/next');
  });

  it('leaves the document that it was read from alone', () => {
    const document = policyDocument();
    const before = structuredClone(document);
    validatePolicy(document);
    expect(document).toEqual(before);
  });
});

describe('good values', () => {
  it.each([...policies.GOOD, ...comparisons.GOOD])('are taken: %s', (_, spec) => {
    expect(complaints(policyDocument(spec))).toEqual([]);
  });
});

describe('bad values', () => {
  it.each([...policies.BAD, ...comparisons.BAD])('are refused: %j', (spec, complaint) => {
    expect(complaints(policyDocument(spec))).toEqual([complaint]);
  });

  it.each<[string, unknown, string[]]>([
    ['another version', { ...policyDocument(), apiVersion: 'v1' }, ['apiVersion: "v1" is not allowed; give shadowtap.dev/v1alpha1']],
    ['no name', { ...policyDocument(), metadata: {} }, ['metadata.name: missing; give lower-case letters, digits, - and ., at most 253']],
    ['a bad name', { ...policyDocument(), metadata: { name: 'A' } }, ['metadata.name: "A" is not allowed; give lower-case letters, digits, - and ., at most 253']],
    ['a bad namespace', { ...policyDocument(), metadata: { name: 'a', namespace: 'a.b' } }, ['metadata.namespace: "a.b" is not allowed; give lower-case letters, digits and -, at most 63']],
    ['no object', 5, [': 5 is not allowed; give an object with apiVersion, kind, metadata, spec']],
    ['nothing', null, [': an empty value is not allowed; give an object with apiVersion, kind, metadata, spec']],
  ])('are refused in the frame of the document: %s', (_, document, expected) => {
    expect(complaints(document)).toEqual(expected);
  });

  it('are all reported, not only the first', () => {
    expect(complaints(policyDocument({ ports: [0], methods: 'x', sample: {} }))).toHaveLength(3);
  });

  it('are shown short however long they are', () => {
    const [complaint] = complaints(policyDocument({ methods: 'x'.repeat(10_000) }));
    expect(complaint!.length).toBeLessThan(200);
  });
});

describe('fields that there are not', () => {
  it('are refused with the field that was meant', () => {
    expect(complaints(policyDocument({ smaple: {} }))).toEqual(['spec.smaple: unknown field; did you mean sample?']);
    expect(complaints(policyDocument(policies.target({ hostName: 'x' })))).toEqual(['spec.targets[0].hostName: unknown field; did you mean hostname?']);
  });

  it('are refused with all that is known where nothing is near', () => {
    expect(complaints(policyDocument({ limits: { zzz: 1 } }))).toEqual([
      'spec.limits.zzz: unknown field; known here: maxBodyBytes, maxInFlight, maxQueued, maxQueueBytes, requestsPerSecond, burst, timeout',
    ]);
  });

  it('are refused even if called like something of every object', () => {
    const spec = JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}') as Record<string, unknown>;
    const document = policyDocument();
    const hostile = { ...document, spec: Object.defineProperties({ ...(document['spec'] as object) }, Object.getOwnPropertyDescriptors(spec)) };
    expect(complaints(hostile).map((line) => line.split(';')[0])).toEqual([
      'spec.__proto__: unknown field',
      'spec.constructor: unknown field',
    ]);
  });
});
