import type { MirrorPolicy } from './schema.ts';

/** `namespace/name`: what a policy is called in logs, metrics and the marker header. */
export function policyName(policy: MirrorPolicy): string {
  return `${policy.metadata.namespace}/${policy.metadata.name}`;
}
