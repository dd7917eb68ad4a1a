import type { MirrorPolicy, MirrorTarget } from './schema.ts';

/** A Service that a target names. */
export interface BackendService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** @returns null where the target is no Service; a namespace that is not given is the policy's */
export function backendService(policy: MirrorPolicy, { backendRef }: MirrorTarget): BackendService | null {
  if (backendRef === undefined) return null;
  const { name, namespace = policy.metadata.namespace, port } = backendRef;
  return { namespace, name, port };
}

/** The name by which every namespace finds it, as far as all clusters agree: the cluster's own domain may follow. */
export function serviceHost({ namespace, name }: BackendService): string {
  return `${name}.${namespace}.svc`;
}
