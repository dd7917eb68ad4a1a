import { ACK, SYN } from '../tap/segment.ts';
import type { Segment, SegmentHandler } from '../tap/segment.ts';
import type { FlowCounters } from './counters.ts';
import { Flow } from './flow.ts';
import type { FlowHost } from './flow.ts';
import { Link } from './link.ts';
import type { EndReason, FlowControl, FlowInfo, StreamHandler } from './stream.ts';

export interface FlowOptions {
  /** Flows in the table; beyond it the oldest is evicted, those nobody reads first. */
  readonly maxFlows: number;
  /** Bytes that one flow may hold out of order before it gives up a hole. */
  readonly flowBudget: number;
  /** Bytes that all flows may hold together; beyond it the oldest hole is given up. */
  readonly totalBudget: number;
  /** Silence after which a flow ends, microseconds. A later request on it is picked up as a new flow. */
  readonly idleUs: number;
  /** The same for flows that have delivered nothing, are muted or have ended. */
  readonly idleUnreadUs: number;
  /** How long a hole may stay open, microseconds: longer than any usual retransmission. */
  readonly holeUs: number;
  /** Asks the tap to copy no more of a segment's connection; see `SegmentSource.mute`. */
  readonly mute: (segment: Segment, forever: boolean) => void;
}

export const DEFAULT_FLOW_OPTIONS: FlowOptions = {
  maxFlows: 32_768,
  flowBudget: 2 << 20,
  totalBudget: 64 << 20,
  idleUs: 600e6,
  idleUnreadUs: 10e6,
  holeUs: 30e6,
  mute: () => {},
};

/** Called with a connection's first bytes. */
export type MakeHandler = (info: FlowInfo, control: FlowControl) => StreamHandler;

/**
 * Sorts segments into connections. Memory is bounded by `maxFlows` and the two budgets, whatever arrives: a new flow
 * evicts the oldest, and a held segment that does not fit makes its flow, or the flow with the oldest hole, give up.
 */
export class FlowTable implements SegmentHandler, FlowHost {
  readonly counters: FlowCounters;
  readonly #makeHandler: MakeHandler;
  readonly #options: FlowOptions;
  readonly #flows = new Map<number, Flow>();
  /** Oldest first; a flow moves to the end when it is seen again, but not more often than once a second. */
  readonly #read = new Link<Flow>(null);
  readonly #unread = new Link<Flow>(null);
  /** Flows with a RST, in the order in which it came. */
  readonly #doomed = new Link<Flow>(null);
  readonly #holes = new Link<Flow>(null);
  #nextId = 1;
  #sweepUs = -Infinity;

  constructor(makeHandler: MakeHandler, options: Partial<FlowOptions>, counters: FlowCounters) {
    this.#makeHandler = makeHandler;
    this.#options = { ...DEFAULT_FLOW_OPTIONS, ...options };
    this.counters = counters;
  }

  onSegment(segment: Segment): void {
    if (segment.timeUs >= this.#sweepUs) this.expire(segment.timeUs);
    let flow = this.#flows.get(segment.hash) ?? null;
    let fromA = true;
    for (; flow !== null; flow = flow.chain) {
      if (flow.endpoint !== segment.endpoint) continue;
      fromA = flow.key.isFromA(segment);
      if (fromA || flow.key.isFromB(segment)) break;
    }
    if (flow !== null && flow.isReusedBy(segment, fromA)) {
      flow = this.#replace(flow, segment);
      fromA = true;
    }
    if (flow === null) {
      if (segment.wireLength === 0 && (segment.flags & SYN) === 0) return;
      flow = this.#open(segment);
      fromA = true;
    }
    flow.receive(segment, fromA);
    this.#after(flow, segment);
  }

  /** Ends what has been silent for too long and gives up holes that stayed open for too long. */
  expire(nowUs: number): void {
    this.#sweepUs = nowUs + SWEEP_US;
    this.#expireList(this.#unread, nowUs - this.#options.idleUnreadUs, nowUs);
    this.#expireList(this.#read, nowUs - this.#options.idleUs, nowUs);
    for (let doomed = this.#doomed.next.owner; doomed !== null; doomed = this.#doomed.next.owner) {
      if (Math.abs(nowUs - doomed.resetUs) < RESET_GRACE_US) break;
      doomed.end('rst', nowUs);
    }
    let flow = this.#holes.next.owner;
    while (flow !== null && flow.holeSinceUs <= nowUs - this.#options.holeUs) {
      this.#giveUpHoles(flow, nowUs);
      flow = this.#holes.next.owner;
    }
  }

  /** Ends all flows: the agent stops, or the capture is over. */
  close(nowUs: number): void {
    for (const list of [this.#doomed, this.#read, this.#unread]) {
      for (let flow = list.next.owner; flow !== null; flow = list.next.owner) this.#remove(flow, flow.resetUs < 0 ? 'closed' : 'rst', nowUs);
    }
  }

  makeHandler(flow: Flow): StreamHandler {
    if (flow.resetUs < 0) flow.age.moveTo(this.#read);
    return this.#makeHandler(flow.describe(), flow);
  }

  retired(flow: Flow): void {
    flow.holes.unlink();
    if (flow.age.linked) flow.age.moveTo(this.#unread);
  }

  doomed(flow: Flow): void {
    flow.age.moveTo(this.#doomed);
  }

  spared(flow: Flow): void {
    flow.age.moveTo(flow.isRead ? this.#read : this.#unread);
  }

  #open(segment: Segment): Flow {
    if (this.counters.flows >= this.#options.maxFlows) this.#evict(segment.timeUs);
    const flow = new Flow(this.#nextId++, segment, this);
    flow.chain = this.#flows.get(segment.hash) ?? null;
    this.#flows.set(segment.hash, flow);
    this.counters.flows++;
    this.counters.opened++;
    flow.age.moveTo(this.#unread);
    if (flow.chain !== null) this.#trimChain(flow, segment.timeUs);
    return flow;
  }

  /** Ends the flow whose ports are used anew. @returns the new flow where its SYN has gone by already */
  #replace(old: Flow, segment: Segment): Flow | null {
    const isn = (segment.flags & (SYN | ACK)) === SYN ? null : old.newIsn;
    this.#remove(old, old.resetUs < 0 ? 'reused' : 'rst', segment.timeUs);
    if (isn === null) return null;
    const flow = this.#open(segment);
    flow.startClient(isn, (segment.flags & SYN) === 0);
    return flow;
  }

  #after(flow: Flow, segment: Segment): void {
    if (segment.timeUs - flow.listedUs > RELIST_US && flow.resetUs < 0 && flow.age.linked) {
      flow.listedUs = segment.timeUs;
      flow.age.moveTo(flow.isRead ? this.#read : this.#unread);
    }
    if (flow.notice !== null) {
      this.#options.mute(segment, flow.notice === 'forever');
      flow.notice = null;
    }
    if (flow.heldBytes > 0) this.#limitHeld(flow, segment.timeUs);
    else if (flow.holes.linked) flow.holes.unlink();
  }

  #limitHeld(flow: Flow, nowUs: number): void {
    if (flow.noteProgress() || !flow.holes.linked) {
      flow.holeSinceUs = nowUs;
      flow.holes.moveTo(this.#holes);
    }
    while (flow.heldBytes > this.#options.flowBudget) this.#giveUpHoles(flow, nowUs);
    while (this.counters.heldBytes > this.#options.totalBudget) {
      const oldest = this.#holes.next.owner;
      if (oldest === null) return;
      this.#giveUpHoles(oldest, nowUs);
    }
  }

  #giveUpHoles(flow: Flow, nowUs: number): void {
    flow.skipHoles(nowUs);
    if (flow.heldBytes === 0) return flow.holes.unlink();
    flow.holeSinceUs = nowUs;
    flow.holes.moveTo(this.#holes);
  }

  #expireList(list: Link<Flow>, limitUs: number, nowUs: number): void {
    for (let flow = list.next.owner; flow !== null && flow.lastUs <= limitUs; flow = list.next.owner) {
      this.#remove(flow, 'idle', nowUs);
    }
  }

  #evict(nowUs: number): void {
    const oldest = this.#doomed.next.owner ?? this.#unread.next.owner ?? this.#read.next.owner;
    if (oldest !== null) this.#remove(oldest, oldest.resetUs < 0 ? 'evicted' : 'rst', nowUs);
  }

  /** Many flows with one hash are an attack on the table. */
  #trimChain(newest: Flow, nowUs: number): void {
    let flow: Flow | null = newest;
    for (let i = 0; i < MAX_CHAIN && flow !== null; i++) flow = flow.chain;
    if (flow !== null) this.#remove(flow, 'evicted', nowUs);
  }

  #remove(flow: Flow, reason: EndReason, nowUs: number): void {
    flow.end(reason, nowUs);
    flow.age.unlink();
    flow.holes.unlink();
    this.counters.flows--;
    const first = this.#flows.get(flow.hash);
    if (first === flow) {
      if (flow.chain === null) this.#flows.delete(flow.hash);
      else this.#flows.set(flow.hash, flow.chain);
      return;
    }
    for (let before = first; before !== undefined && before.chain !== null; before = before.chain) {
      if (before.chain !== flow) continue;
      before.chain = flow.chain;
      return;
    }
  }
}

const SWEEP_US = 1e6;
const RELIST_US = 1e6;
/** How long the sender of a RST may prove that it did not send it. */
const RESET_GRACE_US = 1e6;
const MAX_CHAIN = 32;
