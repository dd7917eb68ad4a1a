import { SERVICE_NAME_LABEL } from './object-facts.ts';
import type { Selection } from './reflector.ts';

/** Longer selectors make longer addresses than some proxies in front of API servers take. */
const MAX_SELECTED_SERVICES = 100;

/**
 * One watch for the slices of all of them: slices bear the name of their Service as a label.
 * @param services names without namespace, sorted, each once
 * @returns null: none are needed
 */
export function slicesOf(services: readonly string[]): Selection | null {
  if (services.length === 0) return null;
  return services.length > MAX_SELECTED_SERVICES ? {} : { labelSelector: `${SERVICE_NAME_LABEL} in (${services.join(',')})` };
}
