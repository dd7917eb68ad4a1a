/**
 * What is kept of Kubernetes objects: a few facts each, so that a cluster of any size fits into the agent's memory.
 * All of it is plain, frozen-by-convention data.
 */

/** A pod of this node. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The id by which the kubelet names its cgroup: its uid, or for static pods the hash of their configuration. */
  readonly cgroupUid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those of ours: `shadowtap.dev/...`. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Its IP addresses, both families. */
  readonly addresses: readonly string[];
  /** It shares the node's network. */
  readonly hostNetwork: boolean;
  /** TCP ports of its containers and sidecar containers. */
  readonly ports: readonly NamedPort[];
  /** A proxy of its own takes in its requests before the app does, and passes them on over `lo`. */
  readonly meshed: boolean;
}

/** A pod anywhere in the cluster that may be a client. */
export interface PeerFacts {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** At least one, and its own: not those of a node. */
  readonly addresses: readonly string[];
}

export interface NamedPort {
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
}

/** `namespace/name` */
export function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
/** A Service, as far as a target or an imported route needs it. */
export interface ServiceFacts {
  readonly namespace: string;
  readonly name: string;
  /** ClusterIP, NodePort, LoadBalancer or ExternalName. */
  readonly type: string;
  /** The pods behind it; null where somebody else keeps its endpoints. */
  readonly selector: Readonly<Record<string, string>> | null;
  readonly ports: readonly ServicePort[];
}

export interface ServicePort {
  /** Empty where it has none. */
  readonly name: string;
  readonly port: number;
  /** Port of the pods: a number, or the name of a container's port. */
  readonly targetPort: number | string;
  /** TCP, UDP or SCTP. */
  readonly protocol: string;
  /** What the port speaks, such as `http` or `kubernetes.io/h2c`; empty where nobody says. */
  readonly appProtocol: string;
}

/** A ReferenceGrant of the Gateway API: who may refer to what in its namespace. */
export interface GrantFacts {
  readonly namespace: string;
  readonly name: string;
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** `name` empty: every object of the kind. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name: string }[];
}

/** A part of a Service's endpoints: those of one address family. */
export interface SliceFacts {
  readonly namespace: string;
  readonly name: string;
  /** Name of the Service. */
  readonly service: string;
  readonly family: 4 | 6;
  /** Of the endpoints that are ready. */
  readonly addresses: readonly string[];
  /** TCP ports of each of them, by the name of the Service's port. */
  readonly ports: readonly NamedPort[];
}

export interface NamespaceFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}
