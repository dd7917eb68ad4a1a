import { API_VERSION } from '../../policy/schema.ts';
import type { ImportedPolicy } from './imported-policy.ts';
import { routeLabel } from './policy-name.ts';

export const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** The route that a policy was made from. */
export const IMPORTED_FROM = 'shadowtap.dev/imported-from';
/** The same in full: kind, namespace, name and rule. */
const IMPORTED_RULE = 'shadowtap.dev/imported-rule';
/** What is not mirrored as the route says, one problem a line; not there where there is none. */
export const IMPORT_PROBLEMS = 'shadowtap.dev/import-problems';

/** Selects no pod, so that nothing is tapped; its target is never asked for. */
const MIRRORS_NOTHING = {
  selector: {
    matchExpressions: [
      { key: IMPORTED_FROM, operator: 'Exists' },
      { key: IMPORTED_FROM, operator: 'DoesNotExist' },
    ],
  },
  sample: { percent: 0 },
  targets: [{ backendRef: { name: 'not-imported', port: 1 } }],
};

/** The MirrorPolicy to write: one that says why where nothing can be mirrored. */
export function importedObject({ namespace, name, origin, spec, problems }: ImportedPolicy) {
  const said = problems.map(({ reason, message }) => `${reason}: ${message}`).join('\n');
  return {
    apiVersion: API_VERSION,
    kind: 'MirrorPolicy' as const,
    metadata: {
      namespace,
      name,
      labels: { [MANAGED_BY]: 'shadowtap', [IMPORTED_FROM]: routeLabel(origin.kind, origin.namespace, origin.name) },
      annotations: {
        [IMPORTED_RULE]: `${origin.kind} ${origin.namespace}/${origin.name} rule ${origin.rule}`,
        ...(said === '' ? {} : { [IMPORT_PROBLEMS]: said }),
      },
    },
    spec: spec ?? MIRRORS_NOTHING,
  };
}
