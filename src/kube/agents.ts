import { listOf, portOf, recordOf, textOf } from './json.ts';
import { nameOf } from './object-facts.ts';
import type { Resource, Selection } from './reflector.ts';
import { steady } from './resources.ts';

/** A pod in which an agent runs. */
export interface AgentPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** Empty while it has none. */
  readonly address: string;
  /** Its admin port. */
  readonly port: number;
}

/** Labels of the pods of the DaemonSet; daemonset/base sets them. */
export const AGENT_LABELS = 'app.kubernetes.io/name=shadowtap,app.kubernetes.io/component=agent';
export const AGENT_NAMESPACE = 'shadowtap-system';
const ADMIN_PORT_NAME = 'admin';
const ADMIN_PORT = 9464;

export function agentPods(namespace: string): { readonly resource: Resource<AgentPod>; readonly selection: Selection } {
  return {
    resource: { name: 'agents', path: `/api/v1/namespaces/${namespace}/pods`, pick: steady(agentPod) },
    selection: { labelSelector: AGENT_LABELS },
  };
}

/** @returns null for a pod that has ended */
export function agentPod(object: unknown): AgentPod | null {
  const { spec, status } = recordOf(object);
  const { namespace, name } = nameOf(object);
  const { phase, podIP } = recordOf(status);
  if (name === '' || phase === 'Succeeded' || phase === 'Failed') return null;
  const ports = listOf(recordOf(spec)['containers']).flatMap((container) => listOf(container['ports']));
  const admin = portOf(ports.find((port) => port['name'] === ADMIN_PORT_NAME)?.['containerPort']);
  return { namespace, name, node: textOf(recordOf(spec)['nodeName']), address: textOf(podIP), port: admin || ADMIN_PORT };
}
