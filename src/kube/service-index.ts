import type { ServiceLookup } from './backend.ts';
import type { GrantFacts, ServiceFacts, SliceFacts } from './objects.ts';
import type { Store } from './reflector.ts';

/** Services with their slices at one moment. */
export function serviceIndex(services: Store<ServiceFacts>, slices: Store<SliceFacts>, grants: Store<GrantFacts>): ServiceLookup {
  const byService = new Map<string, SliceFacts[]>();
  for (const slice of slices.values()) {
    const key = `${slice.namespace}/${slice.service}`;
    const known = byService.get(key);
    if (known === undefined) byService.set(key, [slice]);
    else known.push(slice);
  }
  return {
    service: (key) => services.get(key),
    slices: (key) => byService.get(key) ?? [],
    grants: [...grants.values()],
  };
}
