import { describe, expect, it } from 'vitest';
import { IMPORT_PROBLEMS, IMPORTED_FROM, importedObject } from '../../../src/kube/import/imported-object.ts';
import type { ImportedPolicy } from '../../../src/kube/import/imported-policy.ts';
import { policyName, routeLabel, type NameParts } from '../../../src/kube/import/policy-name.ts';
import { OBJECT_NAME } from '../../../src/policy/names.ts';
import { validatePolicy } from '../../../src/policy/validate.ts';

const IMPORTED: ImportedPolicy = {
  namespace: 'shop',
  name: 'httproute.r.0',
  origin: { kind: 'HTTPRoute', namespace: 'shop', name: 'r', rule: '0' },
  spec: { selector: { matchLabels: { app: 'checkout' } }, targets: [{ backendRef: { name: 'shadow', port: 80 } }] },
  problems: [],
};

describe('the object of an imported policy', () => {
  it('says where it comes from', () => {
    expect(importedObject(IMPORTED)).toEqual({
      apiVersion: 'shadowtap.dev/v1alpha1',
      kind: 'MirrorPolicy',
      metadata: {
        namespace: 'shop',
        name: 'httproute.r.0',
        labels: { 'app.kubernetes.io/managed-by': 'shadowtap', 'shadowtap.dev/imported-from': 'httproute.shop.r' },
        annotations: { 'shadowtap.dev/imported-rule': 'HTTPRoute shop/r rule 0' },
      },
      spec: IMPORTED.spec,
    });
  });

  it('is a policy that selects no pod, and says why, where nothing can be mirrored', () => {
    const object = importedObject({ ...IMPORTED, spec: null, problems: [{ reason: 'Subset', message: 'a' }, { reason: 'NoBackends', message: 'b' }] });
    expect(object.metadata.annotations[IMPORT_PROBLEMS]).toBe('Subset: a\nNoBackends: b');
    const { value } = validatePolicy(object);
    expect(value?.spec.sample?.percent).toBe(0);
    expect(value?.spec.selector.matchExpressions.map(({ key, operator }) => [key, operator])).toEqual([
      [IMPORTED_FROM, 'Exists'],
      [IMPORTED_FROM, 'DoesNotExist'],
    ]);
  });

  it('has a label within its limits, whatever the route is called', () => {
    const long = routeLabel('VirtualService', 'n'.repeat(63), 'a.'.repeat(100));
    expect(long.length).toBeLessThanOrEqual(63);
    expect(validatePolicy(importedObject({ ...IMPORTED, origin: { ...IMPORTED.origin, name: 'a.'.repeat(100) } })).problems).toBeNull();
    expect(routeLabel('HTTPRoute', 'a', 'b.c')).not.toBe(routeLabel('HTTPRoute', 'a', `b.c${'x'.repeat(60)}`));
  });
});

describe('the name of an imported policy', () => {
  const PARTS: NameParts = { kind: 'HTTPRoute', namespace: 'shop', route: 'r', rule: '0', backend: null, part: null };

  it.each<[NameParts, string, string]>([
    [PARTS, 'shop', 'httproute.r.0'],
    [{ ...PARTS, rule: 'api' }, 'shop', 'httproute.r.api'],
    [{ ...PARTS, backend: { number: 1, name: 'cart', isOnly: true } }, 'shop', 'httproute.r.0.cart'],
  ])('is plain where it can be: %j in %s', (parts, namespace, name) => {
    expect(policyName(parts, namespace)).toBe(name);
  });

  it('is valid, and another for everything else, whatever the parts are', () => {
    const names = [
      policyName(PARTS, 'shop'),
      policyName(PARTS, 'stock'),
      policyName({ ...PARTS, namespace: 'r' }, 'shop'),
      policyName({ ...PARTS, route: 'shop.r' }, 'shop'),
      policyName({ ...PARTS, route: 'r.0' }, 'shop'),
      policyName({ ...PARTS, part: 0 }, 'shop'),
      policyName({ ...PARTS, part: 1 }, 'shop'),
      policyName({ ...PARTS, backend: { number: 0, name: 'cart', isOnly: false } }, 'shop'),
      policyName({ ...PARTS, backend: { number: 1, name: 'cart', isOnly: false } }, 'shop'),
      policyName({ ...PARTS, backend: { number: 0, name: 'CART/../é', isOnly: true } }, 'shop'),
      policyName({ ...PARTS, route: 'x'.repeat(253) }, 'shop'),
      policyName({ ...PARTS, route: `${'x'.repeat(252)}y` }, 'shop'),
      policyName({ ...PARTS, route: '..' }, 'shop'),
    ];
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(name).toMatch(new RegExp(OBJECT_NAME));
      expect(name).not.toMatch(/\.\.|-\.|\.-/);
      expect(name.length).toBeLessThanOrEqual(253);
    }
  });
});
