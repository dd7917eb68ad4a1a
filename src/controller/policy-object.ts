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
  /** `metadata.resourceVersion`, only ever compared for equality. */
  readonly version: string;
  /** The label of the route that it stands for; empty where it is somebody's own. */
  readonly importedFrom: string;
}

export const POLICIES_WITH_STATUS: Resource<PolicyObject> = {
  ...MIRROR_POLICIES,
  pick: (object, previous) => {
    const facts = policyFacts(object, previous?.facts);
    if (facts === null) return null;
    const { metadata, status } = recordOf(object);
    const { resourceVersion, labels: all } = recordOf(metadata);
    const labels = stringsOf(all);
    const importedFrom = labels[MANAGED_BY] === 'shadowtap' ? (labels[IMPORTED_FROM] ?? '') : '';
    return { facts, status: recordOf(status) as PolicyStatus, version: textOf(resourceVersion), importedFrom };
  },
};
