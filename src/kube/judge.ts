import { formatPath } from '../policy/check.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import type { BackendAddress } from '../policy/snapshot.ts';
import { isRefusal, resolveBackend, type ServiceLookup } from './backend.ts';
import type { Refusal, Verdict } from './condition.ts';
import type { PolicyFacts } from './policy-facts.ts';
import type { Permissions } from './permissions.ts';

/** A policy that may be applied, and where its targets are. */
export interface JudgedPolicy {
  readonly policy: MirrorPolicy;
  /** By target: where the endpoints of its Service are; none where it is no Service, or one that cannot be used. */
  readonly addresses: readonly (readonly BackendAddress[])[];
}

export interface Judgement {
  /** null: it is refused. */
  readonly applied: JudgedPolicy | null;
  /** Accepted, and, where it is, ResolvedRefs. */
  readonly verdicts: readonly Verdict[];
}

/**
 * Whether a policy may be applied, and whether its targets are there. Agents and the controller judge alike, each by
 * itself: an agent needs nobody's word to mirror, or to stop.
 */
export function judge({ checked }: PolicyFacts, lookup: ServiceLookup, permissions: Permissions): Judgement {
  if (checked.value === null) {
    const [first, ...more] = checked.problems;
    const field = first === undefined || first.path.length === 0 ? '' : `${formatPath(first.path)}: `;
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    return refused({ reason: 'Invalid', message: `${field}${first?.message ?? 'it cannot be read'}${others}` });
  }
  return judgePolicy(checked.value, lookup, permissions);
}

/** The same for a policy that needs no check. */
export function judgePolicy(policy: MirrorPolicy, lookup: ServiceLookup, permissions: Permissions): Judgement {
  const forbidden = forbiddenPart(policy, permissions);
  if (forbidden !== null) return refused({ reason: 'NotPermitted', message: forbidden });
  const problems: Refusal[] = [];
  const addresses = policy.spec.targets.map(({ backendRef }) => {
    if (backendRef === undefined) return [];
    const found = resolveBackend(policy.metadata.namespace, backendRef, lookup, permissions);
    if (!isRefusal(found)) return found;
    problems.push(found);
    return [];
  });
  const [problem] = problems;
  const resolved: Verdict = problem === undefined
    ? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: addresses.length === 0 ? 'there are no targets' : 'all targets are there' }
    : { type: 'ResolvedRefs', status: 'False', reason: problem.reason, message: problems.map(({ message }) => message).join('; ') };
  const accepted: Verdict = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the policy is right' };
  return { applied: { policy, addresses }, verdicts: [accepted, resolved] };
}

function refused({ reason, message }: Refusal): Judgement {
  return { applied: null, verdicts: [{ type: 'Accepted', status: 'False', reason, message }] };
}

/** @returns what of the policy the administrator has not allowed, or null */
function forbiddenPart({ spec }: MirrorPolicy, { externalTargets, nodeFiles }: Permissions): string | null {
  for (const [index, { url, file, tls }] of spec.targets.entries()) {
    const at = `spec.targets[${index}]`;
    if (url !== undefined && !externalTargets) {
      return `${at}.url: targets outside the cluster are not allowed here; use backendRef, or let the administrator set allowExternalTargets`;
    }
    if (file !== undefined && !nodeFiles) {
      return `${at}.file: files on the nodes are not allowed here; let the administrator set allowNodeFiles`;
    }
    if (tls !== undefined && !nodeFiles && (tls.caFile ?? tls.certFile ?? tls.keyFile) !== undefined) {
      return `${at}.tls: files on the nodes are not allowed here; let the administrator set allowNodeFiles`;
    }
  }
  return null;
}
