import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grantFacts, namespaceFacts, serviceFacts, sliceFacts } from '../../src/kube/object-facts.ts';
import { podFacts } from '../../src/kube/pod-facts.ts';
import { policyFacts } from '../../src/kube/policy-facts.ts';
import { PODS, SERVICES } from '../../src/kube/resources.ts';
import { grantObject, podObject, policyObject, served, serviceObject, sliceObject } from './support/objects.ts';

describe('the facts of a Service', () => {
  it('are its names, type, selector and ports', () => {
    const ports = [{ port: 80 }, { name: 'web', port: 443, targetPort: 'https', appProtocol: 'http' }, { name: 'dns', port: 53, targetPort: 5353, protocol: 'UDP' }];
    expect(serviceFacts(serviceObject('shop/next', { type: 'NodePort', selector: { app: 'x' }, ports }))).toEqual({
      namespace: 'shop',
      name: 'next',
      type: 'NodePort',
      selector: { app: 'x' },
      ports: [
        { name: '', port: 80, targetPort: 80, protocol: 'TCP', appProtocol: '' },
        { name: 'web', port: 443, targetPort: 'https', protocol: 'TCP', appProtocol: 'http' },
        { name: 'dns', port: 53, targetPort: 5353, protocol: 'UDP', appProtocol: '' },
      ],
    });
  });

  it.each([[{}], [undefined], [null], [[]]])('have no selector where it is %o', (selector) => {
    expect(serviceFacts(serviceObject('shop/next', { selector }))?.selector).toBeNull();
  });

  it('leave out ports that are none', () => {
    const ports = [{ port: 0 }, { port: 65_536 }, { port: '80' }, { port: 1.5 }, null, 'http', { port: 80, targetPort: -1 }];
    expect(serviceFacts(serviceObject('shop/next', { ports }))?.ports).toMatchObject([{ port: 80, targetPort: 80 }]);
  });
});

describe('the facts of an EndpointSlice', () => {
  it('are the first address of each endpoint that is ready, or of which nothing is said', () => {
    const endpoints = [
      { addresses: ['10.0.0.1', '10.0.0.99'], conditions: { ready: true, serving: true, terminating: false } },
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.3'] },
      { addresses: ['10.0.0.4'], conditions: { ready: null } },
    ];
    expect(sliceFacts(sliceObject('shop/next-abc', 'next', [], { endpoints }))).toEqual({
      namespace: 'shop',
      name: 'next-abc',
      service: 'next',
      family: 4,
      addresses: ['10.0.0.1', '10.0.0.3', '10.0.0.4'],
      ports: [{ name: 'http', port: 8080 }],
    });
  });

  it('leave out what is no address of the family', () => {
    const addresses = ['10.0.0.1', '::1', 'metadata.internal', '', '10.0.0.256', '10.0.0.1:80'];
    expect(sliceFacts(sliceObject('shop/a', 'next', addresses))?.addresses).toEqual(['10.0.0.1']);
    expect(sliceFacts(sliceObject('shop/a', 'next', ['fd00::1', '10.0.0.1'], { addressType: 'IPv6' }))).toMatchObject({ family: 6, addresses: ['fd00::1'] });
  });

  it('leave out ports of other protocols, and those that stand for every port', () => {
    const ports = [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'any', port: null }, { port: 80 }];
    expect(sliceFacts(sliceObject('shop/a', 'next', [], { ports }))?.ports).toEqual([{ name: '', port: 80 }]);
  });

  it('are none of one of names instead of addresses, or without a Service', () => {
    expect(sliceFacts(sliceObject('shop/a', 'next', ['example.com'], { addressType: 'FQDN' }))).toBeNull();
    expect(sliceFacts({ ...sliceObject('shop/a', 'next', []), metadata: { namespace: 'shop', name: 'a' } })).toBeNull();
  });
});

describe('the facts of a ReferenceGrant', () => {
  it('are who may refer to what', () => {
    const from = { group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace: 'shop' };
    expect(grantFacts(grantObject('stock/g', [from], [{ group: '', kind: 'Service' }, { kind: 'Service', name: 'next' }]))).toEqual({
      namespace: 'stock',
      name: 'g',
      from: [from],
      to: [{ group: '', kind: 'Service', name: '' }, { group: '', kind: 'Service', name: 'next' }],
    });
  });
});

describe('what was kept of an object before', () => {
  it('is kept on where only the status of a policy has changed, or its labels', () => {
    const before = policyFacts(served(policyObject('shop/p')));
    const { metadata, ...rest } = served(policyObject('shop/p'));
    const again = { ...rest, metadata: { ...metadata, labels: { a: 'b' }, resourceVersion: '7' }, status: { conditions: [] } };
    expect(policyFacts(again, before ?? undefined)).toBe(before);
    expect(policyFacts({ ...again, metadata: { ...metadata, generation: 2 } }, before ?? undefined)).not.toBe(before);
    // Deleted and made again under the same name: it begins at generation 1 once more.
    expect(policyFacts({ ...again, metadata: { ...metadata, uid: 'other' } }, before ?? undefined)).not.toBe(before);
    expect(policyFacts({ ...again, metadata: { ...metadata, generation: 'x' } }, before ?? undefined)).not.toBe(before);
  });

  it('is kept on where nothing of a pod or Service has changed that matters', () => {
    const object = served(podObject('shop/a', { app: 'x' }, { ip: '10.0.0.1' }));
    const before = PODS.pick(object, undefined) ?? undefined;
    expect(PODS.pick({ ...object, status: { ...(object['status'] as object), conditions: [{ type: 'Ready' }] } }, before)).toBe(before);
    expect(PODS.pick(served(podObject('shop/a', { app: 'y' }, { ip: '10.0.0.1' })), before)).not.toBe(before);
    const kept = SERVICES.pick(serviceObject('shop/s'), undefined) ?? undefined;
    expect(SERVICES.pick(serviceObject('shop/s', { clusterIP: '10.0.0.10' }), kept)).toBe(kept);
  });
});

/** JSON of any shape, in the fields that are looked at too. */
function hostile(): fc.Arbitrary<unknown> {
  const fields = ['metadata', 'name', 'namespace', 'uid', 'generation', 'labels', 'annotations', 'spec', 'status', 'selector', 'ports', 'port', 'targetPort', 'from', 'to', 'endpoints', 'addresses', 'conditions', 'addressType', 'containers', 'podIPs', '__proto__', 'kubernetes.io/service-name'];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, fc.constantFrom(null, true, 0, -1, 80, 1e300, '', 'a', 'IPv4', 'IPv6', '10.0.0.1', 'TCP'), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    object: fc.dictionary(fc.constantFrom(...fields), tie('value'), { maxKeys: 8 }),
  }));
  return value;
}

describe('an object of any shape', () => {
  it('never makes the reader of its facts throw, and what is kept is of the right kind', () => {
    const property = fc.property(hostile(), (object) => {
      for (const pick of [podFacts, serviceFacts, sliceFacts, grantFacts, namespaceFacts, policyFacts]) {
        const facts = pick(object);
        if (facts !== null) expect(facts.name).not.toBe('');
      }
      for (const port of serviceFacts(object)?.ports ?? []) expect(port.port > 0 && port.port < 65_536).toBe(true);
      for (const address of sliceFacts(object)?.addresses ?? []) expect(address).toMatch(/^[\d.]+$|:/);
    });
    fc.assert(property, { numRuns: 20_000, interruptAfterTimeLimit: 3_000 });
  });
});
