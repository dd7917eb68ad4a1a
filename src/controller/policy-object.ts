import { IMPORTED_FROM, MANAGED_BY } from '../kube/import/imported-object.ts';
import { recordOf, stringsOf, textOf } from '../kube/json.ts';
import { policyFacts, type PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Resource } from '../kube/reflector.ts';
import { MIRROR_POLICIES } from '../kube/resources.ts';

/** A policy with what its status says now. */
export interface PolicyObject {
  readonly facts: PolicyFacts;
  /** As the API server's schema has it. */
  readonly status: PolicyStatus;
  /** Its `metadata.resourceVersion`, and the last few before it, the newest last. Only ever compared for equality. */
  readonly versions: readonly string[];
  /** The label of the route that it stands for; empty where it is somebody's own. */
  readonly importedFrom: string;
}

/** More than ever come between two looks. */
const MAX_VERSIONS = 15;

export const POLICIES_WITH_STATUS: Resource<PolicyObject> = {
  ...MIRROR_POLICIES,
  pick: (object, previous) => {
    const facts = policyFacts(object, previous?.facts);
    if (facts === null) return null;
    const { metadata, status } = recordOf(object);
    const { resourceVersion, labels: all } = recordOf(metadata);
    const labels = stringsOf(all);
    const versions = [...(previous?.versions.slice(-MAX_VERSIONS) ?? []), textOf(resourceVersion)];
    const importedFrom = labels[MANAGED_BY] === 'shadowtap' ? (labels[IMPORTED_FROM] ?? '') : '';
    return { facts, status: recordOf(status) as PolicyStatus, versions, importedFrom };
  },
};
