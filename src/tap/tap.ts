import type { Segment, SegmentHandler } from './segment.ts';

/** A pod (or anything with an address) whose ports are tapped. Plain data: it crosses threads. */
export interface Endpoint {
  /** Unique while the agent lives, 1 or more; segments carry it. */
  readonly id: number;
  /** For people: `namespace/pod`, or the name given in the configuration. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** TCP ports on which the endpoint serves HTTP, 1 to 65535. */
  readonly ports: readonly number[];
  readonly location: EndpointLocation;
}

/** Where to find an endpoint's packets. At least one of `netns`, `interfaces`, `cgroup` or `addresses` is given. */
export interface EndpointLocation {
  /** Path of a network namespace file (`/run/netns/x`, `/proc/<pid>/ns/net`); absent means the agent's own. */
  readonly netns?: string;
  /** Interfaces in that namespace; absent means `eth0` and `lo` in a pod's namespace. Of no meaning to taps on cgroups. */
  readonly interfaces?: readonly string[];
  /** cgroup v2 directory, for taps that attach to a cgroup. Given alone, every eBPF tap attaches there. */
  readonly cgroup?: string;
  /** The endpoint's own addresses; where given, only packets to or from them are copied. */
  readonly addresses?: readonly string[];
}

/**
 * A way to see packets. The main thread owns the tap and says what to tap; each worker opens one of `sources` and
 * drains it. Both directions of a connection always come out of the same source.
 */
export interface Tap {
  /** `ebpf:tcx`, `ebpf:cgroup`, `ebpf:clsact`, `pcap` */
  readonly name: string;
  /** One for each worker; filled by `start`. Plain data: it crosses threads. */
  readonly sources: readonly SourceDescriptor[];
  /** @throws ShadowtapError TAP_UNAVAILABLE or TAP_LOAD */
  start(): Promise<void>;
  /** Idempotent by endpoint id; new ports for a known endpoint replace the old ones. @throws ShadowtapError TAP_ATTACH or ENDPOINT */
  attach(endpoint: Endpoint): Promise<void>;
  /**
   * The endpoint is where it was, but other paths lead there now: nothing is attached anew and no packet missed.
   * Unknown ids are ignored.
   */
  moved(endpointId: number, location: EndpointLocation): void;
  /** Unknown ids are ignored: a pod may vanish twice. */
  detach(endpointId: number): Promise<void>;
  stats(): TapStats;
  /** Detaches everything. Idempotent. */
  stop(): Promise<void>;
}

/** Sums over all endpoints since `start`. */
export interface TapStats {
  /** Packets that reached the tap's program or socket and belong to a tapped port. */
  readonly seen: number;
  /** Packets handed to workers. */
  readonly copied: number;
  /** Payload bytes handed to workers. */
  readonly bytes: number;
  /** Packets of a shed flow that were not copied: the ring was full, or had been and the flow waits for a request. */
  readonly shed: number;
  /** Flows that were shed at least once. */
  readonly shedFlows: number;
  /** Packets not copied because their flow is not HTTP. */
  readonly notHttp: number;
  /** Flows that the tap left alone because their first bytes are neither HTTP nor the beginning of HTTP/2: TLS, as a rule. */
  readonly notHttpFlows: number;
  /** Packets that the kernel lost before the tap could look (libpcap's own counter). */
  readonly lost: number;
  /** Time spent in the tap's kernel programs, nanoseconds; 0 unless kernel.bpf_stats_enabled is on. */
  readonly programNs: number;
  /** Runs of the tap's kernel programs; 0 unless kernel.bpf_stats_enabled is on. */
  readonly programRuns: number;
}

/** How a worker finds its ring. `fd` is a file descriptor of this process (they are shared by its threads). */
export interface SourceDescriptor {
  /** `bpf`: BPF_MAP_TYPE_RINGBUF. `shared`: a memfd with the same layout, written by the pcap tap's process. */
  readonly kind: 'bpf' | 'shared';
  readonly fd: number;
  /** Size of the data area, a power of two. */
  readonly bytes: number;
  /** Map of muted flows that the worker may write to; -1 where there is none. */
  readonly muteFd: number;
  /** Wakes the worker before its timer when the ring fills: word 0 counts wake-ups (Atomics.notify). */
  readonly wake: SharedArrayBuffer;
}

/** The worker's end of a tap: a ring of segments. */
export interface SegmentSource {
  /**
   * Hands over what is in the ring, at most about `maxBytes` of it, and frees it.
   * @returns the number of segments delivered
   */
  drain(handler: SegmentHandler, maxBytes: number): number;
  /** Share of the ring in use, 0 to 1. */
  fill(): number;
  /** Records whose length or type made no sense; they are skipped. */
  readonly badRecords: number;
  /**
   * Asks the tap to copy no more of this connection: it is not HTTP, was upgraded or joined in the middle of a body.
   * @param forever false: until a client packet begins with a request line or a frame of HTTP/2; true: until the connection's next SYN
   */
  mute(segment: Segment, forever: boolean): void;
  close(): void;
}
