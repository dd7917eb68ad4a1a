import { createHash } from 'node:crypto';
import type { MirrorPolicy } from '../policy/schema.ts';
import { validatePolicy } from '../policy/validate.ts';
import type { ServiceLookup } from './backend.ts';
import type { Refusal } from './condition.ts';
import { keyOf, type PodFacts } from './objects.ts';

/** A pod with this label is mirrored without any MirrorPolicy: to the Service `<name>` or `<name>.<namespace>`. */
const MIRROR_TO = 'shadowtap.dev/mirror-to';
/** Annotations beside it: the Service's port, a share in percent, and methods as in a MirrorPolicy, joined by commas. */
const MIRROR_PORT = 'shadowtap.dev/mirror-port';
const MIRROR_PERCENT = 'shadowtap.dev/mirror-percent';
const MIRROR_METHODS = 'shadowtap.dev/mirror-methods';

/** Stands in for a label by which the policy selects its pods. No label of Kubernetes can be called so. */
const GROUP = 'label mode';

/** Pods whose labels ask for the same. */
export interface LabelledPods {
  readonly namespace: string;
  /** What it is called in place of a policy's name; a colon keeps it apart from those. */
  readonly name: string;
  readonly pods: readonly PodFacts[];
  /** What they ask for, as a policy; or why it is not to be had. */
  readonly policy: MirrorPolicy | Refusal;
}

/** Reads the labels of pods. Those without the label are left out. */
export function labelledPods(pods: Iterable<PodFacts>, lookup: ServiceLookup): LabelledPods[] {
  const groups = new Map<string, PodFacts[]>();
  for (const pod of pods) {
    if (!Object.hasOwn(pod.labels, MIRROR_TO)) continue;
    const key = `${pod.namespace}/${nameFor(pod)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [pod]);
    else group.push(pod);
  }
  return Array.from(groups.values(), (members) => {
    const [first] = members as [PodFacts, ...PodFacts[]];
    const name = nameFor(first);
    return { namespace: first.namespace, name, pods: members, policy: policyFor(first, name, lookup) };
  });
}

/** The labels by which a policy of `labelledPods` selects this pod, beside its own. */
export function groupLabels(pod: PodFacts): Readonly<Record<string, string>> {
  return Object.hasOwn(pod.labels, MIRROR_TO) ? { [GROUP]: nameFor(pod) } : {};
}

/** Pods have the same name if, and only if, they ask for the same: what is wrong with one is not to be the other's. */
function nameFor({ labels, annotations }: PodFacts): string {
  const asked = [labels[MIRROR_TO], annotations[MIRROR_PORT], annotations[MIRROR_PERCENT], annotations[MIRROR_METHODS]];
  const name = ['label', ...asked].join(':').replace(/:+$/, '');
  if (asked.every((text) => text === undefined || /^[\w.,-]{1,64}$/.test(text))) return name;
  // What somebody wrote into annotations ends up in logs and metrics.
  const hash = createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 12);
  return `${name.replace(/[^\w.:,-]/g, '?').slice(0, 200)}:${hash}`;
}

function policyFor(pod: PodFacts, name: string, lookup: ServiceLookup): MirrorPolicy | Refusal {
  const { namespace, labels, annotations } = pod;
  const [service = '', other = namespace, ...rest] = (labels[MIRROR_TO] ?? '').split('.');
  if (service === '' || rest.length > 0) return { reason: 'Invalid', message: `label ${MIRROR_TO}: give <service> or <service>.<namespace>` };
  const port = portFor(annotations[MIRROR_PORT], { namespace: other, name: service }, lookup);
  if (typeof port !== 'number') return port;
  const percent = annotations[MIRROR_PERCENT];
  const methods = annotations[MIRROR_METHODS];
  const { value, problems } = validatePolicy({
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name: 'label', namespace },
    spec: {
      selector: {},
      targets: [{ backendRef: { name: service, ...(other !== namespace && { namespace: other }), port } }],
      ...(percent !== undefined && { sample: { percent: numberIn(percent) } }),
      ...(methods !== undefined && { methods: methodsIn(methods) }),
    },
  });
  if (value === null) {
    const [{ path, message } = { path: [], message: 'cannot be read' }] = problems;
    return { reason: 'Invalid', message: `${sourceOf(path)}: ${message}` };
  }
  const selector = { matchLabels: { [GROUP]: name }, matchExpressions: [] };
  return { ...value, metadata: { ...value.metadata, name }, spec: { ...value.spec, selector } };
}

/** The port that was asked for, or the only one that there is. */
function portFor(given: string | undefined, at: { readonly namespace: string; readonly name: string }, lookup: ServiceLookup): number | Refusal {
  if (given !== undefined) return numberIn(given);
  const service = lookup.service(keyOf(at));
  if (service === undefined) return { reason: 'BackendNotFound', message: `there is no Service ${keyOf(at)}` };
  const ports = service.ports.filter(({ protocol }) => protocol === 'TCP');
  const [only] = ports;
  if (only !== undefined && ports.length === 1) return only.port;
  return { reason: 'PortNotFound', message: `Service ${keyOf(at)} has ${ports.length} TCP ports; name one with the annotation ${MIRROR_PORT}` };
}

/** What is no plain number is refused by the schema, which says what is allowed. */
function numberIn(text: string): number {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
}

function methodsIn(text: string): string | string[] {
  return text === 'All' || text === 'Safe' ? text : text.split(',').map((method) => method.trim());
}

/** Where the user wrote what stands at this place of the policy. */
function sourceOf(path: readonly (string | number)[]): string {
  if (path.includes('sample')) return `annotation ${MIRROR_PERCENT}`;
  if (path.includes('methods')) return `annotation ${MIRROR_METHODS}`;
  return path.includes('port') ? `annotation ${MIRROR_PORT}` : `label ${MIRROR_TO}`;
}
