import { recordOf } from '../kube/json.ts';
import { policyFacts, type PolicyFacts } from '../kube/policy-facts.ts';
import type { PolicyStatus } from '../kube/policy-status.ts';
import type { Resource } from '../kube/reflector.ts';
import { MIRROR_POLICIES } from '../kube/resources.ts';

/** A policy with what its status says now. */
export interface PolicyObject {
  readonly facts: PolicyFacts;
  /** As the API server's schema has it, and nobody else writes it. */
  readonly status: PolicyStatus;
}

export const POLICIES_WITH_STATUS: Resource<PolicyObject> = {
  ...MIRROR_POLICIES,
  pick: (object, previous) => {
    const facts = policyFacts(object, previous?.facts);
    return facts === null ? null : { facts, status: recordOf(recordOf(object)['status']) as PolicyStatus };
  },
};
