import { describe, expect, it } from 'vitest';
import { policyOf } from '../../src/kube/policy-document.ts';
import { formatPath } from '../../src/policy/check.ts';
import { policy, policyDocument } from '../policy/support.ts';

/** As the API server gives it. */
function served(spec: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...policyDocument(spec),
    metadata: {
      name: 'p',
      namespace: 'shop',
      uid: '0b9f5f0e-9f0c-4a57-9c0e-6c6d0c6f5a11',
      resourceVersion: '4711',
      generation: 3,
      creationTimestamp: '2027-01-01T00:00:00Z',
      labels: { app: 'checkout' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}\n', 'Upper.example/name': 'taken by Kubernetes' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'b' }],
      finalizers: ['example.com/keep'],
      managedFields: [{ manager: 'kubectl', operation: 'Apply', fieldsV1: {} }],
    },
    status: { observedGeneration: 3, conditions: [] },
  };
}

describe('a MirrorPolicy of the API server', () => {
  it('is the policy that a file would be, named as it is', () => {
    const { metadata, ...rest } = policy({ methods: 'Safe' });
    expect(policyOf(served({ methods: 'Safe' })).value).toEqual({ ...rest, metadata: { ...metadata, namespace: 'shop' } });
  });

  it('is left as it was', () => {
    const object = served();
    const before = structuredClone(object);
    policyOf(object);
    expect(object).toEqual(before);
  });

  it('is refused with the field and what is allowed', () => {
    const { problems } = policyOf(served({ methods: 'all' }));
    expect(problems!.map(({ path, message }) => `${formatPath(path)}: ${message}`)).toEqual([
      'spec.methods: "all" is not allowed; give All, Safe, or a list of methods such as [GET, POST]',
    ]);
  });

  it.each([[null], [5], ['x'], [[]], [{}], [{ metadata: null }], [{ ...policyDocument(), metadata: 'p' }]])('is refused where it is none: %j', (object) => {
    expect(policyOf(object).value).toBeNull();
  });
});
