import type { Fields } from './fields.ts';
import { shown, type ImportContext, type Problem } from './imported-policy.ts';
import { isTcp } from './pods.ts';
import type { Mirror } from './target.ts';
import { serviceOf } from './virtual-service-hosts.ts';

/** What a mirror of a route comes to: a Service and a port, or why not. */
export type ReadMirror = { readonly mirror: Mirror; readonly problem: null } | { readonly mirror: null; readonly problem: Problem };

/** `mirror` with its share, and `mirrors`; those that are off are left out. */
export function readMirrors(route: Fields, namespace: string, context: ImportContext, problems: Problem[]): ReadMirror[] {
  const single = route.has('mirror') ? [{ destination: route.object('mirror'), percent: shareOfMirror(route, problems) }] : [];
  route.ignore('mirrorPercentage', 'mirrorPercent');
  const several = route.objects('mirrors').flatMap((mirror) => {
    const percent = mirror.has('percentage') ? valueOf(mirror.object('percentage')) : 100;
    const isGiven = mirror.has('destination');
    const destination = mirror.object('destination');
    mirror.end();
    return isGiven ? [{ destination, percent }] : [];
  });
  const on = [...single, ...several].filter(({ percent }) => percent > 0);
  return on.map(({ destination, percent }) => readMirror(destination, percent, namespace, context));
}

/** Not given means all, given without a value none; the percentage in whole numbers is deprecated. */
function shareOfMirror(route: Fields, problems: Problem[]): number {
  if (route.has('mirrorPercentage')) return valueOf(route.object('mirrorPercentage', problems));
  return route.number('mirrorPercent') ?? 100;
}

function valueOf(percentage: Fields): number {
  // What is not a number is a problem of the route, which must not look as if it mirrored nothing.
  const value = percentage.number('value') ?? (percentage.has('value') ? 100 : 0);
  percentage.end();
  return value;
}

function readMirror(fields: Fields, percent: number, namespace: string, { service: find, clusterDomain }: ImportContext): ReadMirror {
  const refused = (reason: string, message: string): ReadMirror => ({ mirror: null, problem: { reason, message } });
  const { host, subset, port } = readDestination(fields);
  if (percent > 100) return refused('InvalidShare', `${fields.where}: a share of ${percent} percent`);
  if (subset !== '') return refused('Subset', subsetProblem(host, subset).message);
  const ref = serviceOf(host, namespace, clusterDomain);
  if (ref === null) return refused('UnsupportedTarget', `copies to ${shown(host)}, which is not a Service of the cluster`);
  const service = find(ref.namespace, ref.name);
  if (service === undefined) return refused('TargetNotFound', `there is no Service ${ref.namespace}/${ref.name} for the copies`);
  const ports = service.ports.filter(isTcp);
  const number = port ?? (ports.length === 1 ? ports[0]!.port : null);
  if (number === null) {
    return refused('PortUnknown', `copies to ${shown(host)} would go to the one of its ports that the client asked for; give mirror.port`);
  }
  return { mirror: { ...ref, port: number, percent }, problem: null };
}

export function subsetProblem(host: string, subset: string): Problem {
  return { reason: 'Subset', message: `the subset ${shown(subset)} of ${shown(host)}: subsets are in DestinationRules, which are not read` };
}

/** Istio's Destination. */
export function readDestination(fields: Fields): { readonly host: string; readonly subset: string; readonly port: number | undefined } {
  const host = fields.text('host') ?? '';
  const subset = fields.text('subset') ?? '';
  const port = fields.object('port');
  const number = port.number('number');
  port.end();
  fields.end();
  return { host, subset, port: number };
}
