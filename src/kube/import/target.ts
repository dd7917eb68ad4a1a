import { mayRefer } from './grants.ts';
import type { ImportContext, Problem } from './imported-policy.ts';
import { portOf } from './pods.ts';

/** A Service that gets copies. */
export interface Mirror {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Above 0. */
  readonly percent: number;
}

export interface Target {
  /** As in a MirrorPolicy; null where there is a problem. */
  readonly target: object | null;
  readonly problems: readonly Problem[];
  readonly remarks: readonly Problem[];
}

/** @param namespace where the policy will live */
export function targetOf({ namespace: home, name, port: number, percent }: Mirror, namespace: string, context: ImportContext): Target {
  const refused = (problem: Problem): Target => ({ target: null, problems: [problem], remarks: [] });
  const service = context.service(home, name);
  if (service === undefined) return refused({ reason: 'TargetNotFound', message: `there is no Service ${home}/${name} for the copies` });
  if (service.type === 'ExternalName') {
    return refused({ reason: 'ExternalName', message: `Service ${home}/${name}, for the copies, is an ExternalName` });
  }
  const port = portOf(service, number);
  if ('reason' in port) return refused({ ...port, message: `for the copies: ${port.message}` });
  const target = {
    backendRef: { name, ...(home === namespace ? {} : { namespace: home }), port: number },
    ...(percent === 100 ? {} : { percent }),
  };
  const referrer = { group: 'shadowtap.dev', kind: 'MirrorPolicy', namespace };
  if (mayRefer(referrer, service, context.grants)) return { target, problems: [], remarks: [] };
  const message = `copies need a ReferenceGrant in ${home} from MirrorPolicies (group shadowtap.dev) of ${namespace} to Service ${name}`;
  return { target, problems: [], remarks: [{ reason: 'TargetNotGranted', message }] };
}
