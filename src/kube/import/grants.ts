import type { GrantFacts } from '../objects.ts';

interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

/** Whether an object may refer to a Service: in its own namespace always, in another where a ReferenceGrant says so. */
export function mayRefer(
  from: Referrer,
  service: { readonly namespace: string; readonly name: string },
  grants: readonly GrantFacts[],
): boolean {
  if (from.namespace === service.namespace) return true;
  return grants.some(
    (grant) =>
      grant.namespace === service.namespace &&
      grant.from.some(({ group, kind, namespace }) => group === from.group && kind === from.kind && namespace === from.namespace) &&
      grant.to.some(({ group, kind, name }) => group === '' && kind === 'Service' && (name === '' || name === service.name)),
  );
}
