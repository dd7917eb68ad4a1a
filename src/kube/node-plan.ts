import type { PolicyStats } from '../stats.ts';
import { selects } from '../policy/selector.ts';
import type { NetworkPeer } from '../policy/schema.ts';
import type { SnapshotPeer } from '../policy/snapshot.ts';
import { takesPeer } from '../policy/source-set.ts';
import type { ServiceLookup } from './backend.ts';
import type { Verdict } from './condition.ts';
import { judge, judgePolicy, type JudgedPolicy, type Judgement } from './judge.ts';
import { groupLabels, labelledPods } from './label-mode.ts';
import { keyOf, type NamespaceFacts, type PeerFacts, type PodFacts } from './objects.ts';
import type { Permissions } from './permissions.ts';
import type { PolicyFacts } from './policy-facts.ts';

/** What an agent knows of its node and of the cluster at one moment. */
export interface NodeView {
  /** Of this node. */
  readonly pods: Iterable<PodFacts>;
  readonly policies: Iterable<PolicyFacts>;
  readonly lookup: ServiceLookup;
  /** Who may be behind an address, as far as `needs` asked for. */
  readonly peers: Iterable<PeerFacts>;
  /** By `/name`, as far as `needs` asked for. */
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly permissions: Permissions;
}

/** What the agent of a node is to do. */
export interface NodePlan {
  /** Pods that a policy selects. */
  readonly endpoints: readonly PodEndpoint[];
  /** Policies that select one of them. */
  readonly policies: readonly JudgedPolicy[];
  readonly peers: readonly SnapshotPeer[];
  /** What is said of each policy that selects a pod of this node, or would if it were right. */
  readonly reports: readonly PolicyStats[];
  readonly needs: Needs;
}

export interface PodEndpoint {
  readonly pod: PodFacts;
  /** Another pod of the node claims its `cgroupUid`, so that nobody knows whose processes these are. */
  readonly isContested: boolean;
  /** Its own, and the one that stands for its label mode. */
  readonly labels: Readonly<Record<string, string>>;
}

/** What else must be watched for these policies. */
export interface Needs {
  /** Names of Services whose endpoints are wanted, without namespace, sorted. */
  readonly services: readonly string[];
  /** Pods that `from` may mean: in one namespace, in all, or none. */
  readonly peers: { readonly namespace: string } | 'all' | 'none';
  readonly namespaces: boolean;
}

/** One agent works for all tenants of a node: what each of them can ask of it is bounded. Label mode counts, too. */
const MOST_OF_A_NAMESPACE = 100;
const TOO_MANY: Verdict = {
  type: 'Accepted',
  status: 'False',
  reason: 'TooMany',
  message: `more than ${MOST_OF_A_NAMESPACE} policies of the namespace select pods of one node; this one is left out`,
};

/** Puts pods and policies together. Pure; of a node with 110 pods and 500 policies it takes some milliseconds. */
export function planNode(view: NodeView): NodePlan {
  const pods = [...view.pods];
  const contested = claimedTwice(pods);
  const endpoints = new Map<string, PodEndpoint>();
  const policies: JudgedPolicy[] = [];
  const reports: PolicyStats[] = [];
  const taken = new Map<string, number>();
  const take = (at: { readonly namespace: string; readonly name: string }, generation: number, selected: readonly PodFacts[], judgement: Judgement): void => {
    const before = taken.get(at.namespace) ?? 0;
    const { applied, verdicts } = before < MOST_OF_A_NAMESPACE || judgement.applied === null ? judgement : { applied: null, verdicts: [TOO_MANY] };
    if (applied !== null) {
      taken.set(at.namespace, before + 1);
      policies.push(applied);
      for (const pod of selected) {
        if (endpoints.has(pod.uid)) continue;
        endpoints.set(pod.uid, { pod, isContested: contested.has(pod.cgroupUid), labels: { ...pod.labels, ...groupLabels(pod) } });
      }
    }
    reports.push({ policy: keyOf(at), generation, conditions: verdicts, endpoints: selected.map(keyOf) });
  };

  for (const facts of view.policies) {
    const selected = selectedBy(facts, pods);
    if (selected.length > 0) take(facts, facts.generation, selected, judge(facts, view.lookup, view.permissions));
  }
  for (const group of labelledPods(pods, view.lookup)) {
    const judgement: Judgement = 'reason' in group.policy
      ? { applied: null, verdicts: [{ type: 'Accepted', status: 'False', ...group.policy }] }
      : judgePolicy(group.policy, view.lookup, view.permissions);
    take(group, 0, group.pods, judgement);
  }
  return { endpoints: [...endpoints.values()], policies, peers: peersOf(policies, view), reports, needs: needsOf(policies) };
}

/**
 * The ids of static pods come from annotations, which whoever may create pods may write: a pod that copies those of a static
 * pod must not get at its traffic. Both are left alone, since neither can prove anything.
 */
function claimedTwice(pods: readonly PodFacts[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { cgroupUid } of pods) (seen.has(cgroupUid) ? twice : seen).add(cgroupUid);
  return twice;
}

/** Of a policy that cannot be read nobody knows whom it would select: it is the controller's to report. */
function selectedBy({ namespace, checked }: PolicyFacts, pods: readonly PodFacts[]): PodFacts[] {
  if (checked.value === null) return [];
  const { selector } = checked.value.spec;
  return pods.filter((pod) => pod.namespace === namespace && selects(selector, pod.labels));
}

function needsOf(policies: readonly JudgedPolicy[]): Needs {
  const services = new Set<string>();
  const peerNamespaces = new Set<string>();
  let namespaces = false;
  for (const { policy: { metadata, spec } } of policies) {
    for (const { backendRef } of spec.targets) if (backendRef !== undefined) services.add(backendRef.name);
    for (const { podSelector, namespaceSelector } of spec.from) {
      if (namespaceSelector !== undefined) namespaces = true;
      else if (podSelector !== undefined) peerNamespaces.add(metadata.namespace);
    }
  }
  const [only] = peerNamespaces;
  const peers = namespaces || peerNamespaces.size > 1 ? 'all' : only === undefined ? 'none' : { namespace: only };
  return { services: [...services].sort(), peers, namespaces };
}

/** Those that some `from` takes: in a large cluster most pods are nobody's source. */
function peersOf(policies: readonly JudgedPolicy[], { peers, namespaces }: NodeView): SnapshotPeer[] {
  const entries: { readonly from: NetworkPeer; readonly namespace: string }[] = policies.flatMap(({ policy: { metadata, spec } }) =>
    spec.from.filter(({ ipBlock }) => ipBlock === undefined).map((from) => ({ from, namespace: metadata.namespace })),
  );
  if (entries.length === 0) return [];
  const taken: SnapshotPeer[] = [];
  for (const facts of peers) {
    const peer = { ...facts, namespaceLabels: namespaces.get(`/${facts.namespace}`)?.labels ?? {} };
    if (entries.some((entry) => takesPeer(entry.from, peer, entry.namespace))) taken.push(peer);
  }
  return taken;
}
