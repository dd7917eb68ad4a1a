import { ACK, FIN, RST, SYN, TO_CLIENT, TO_SERVER, UNKNOWN_DIRECTION, URG } from '../tap/segment.ts';
import type { Segment } from '../tap/segment.ts';
import type { FlowCounters } from './counters.ts';
import { FlowKey } from './key.ts';
import { Link } from './link.ts';
import { canBeJoined, directionOf } from './pickup.ts';
import { Reassembler } from './reassembler.ts';
import type { ByteStream } from './reassembler.ts';
import { advance, distance } from './seq.ts';
import type { EndReason, FlowControl, FlowInfo, MuteReason, StreamHandler } from './stream.ts';

/** What a flow asks of the table that it lives in. */
export interface FlowHost {
  readonly counters: FlowCounters;
  makeHandler(flow: Flow): StreamHandler;
  /** The flow is over or needs no more bytes: it may be forgotten first. */
  retired(flow: Flow): void;
  /** A RST was seen: the flow is to end with `rst` if it is not spared soon. */
  doomed(flow: Flow): void;
  /** The RST was not meant. */
  spared(flow: Flow): void;
}

/** `open`: bytes are delivered. `muted`: nobody wants them. `ended`: kept a while so that stragglers start nothing. */
export type FlowState = 'open' | 'muted' | 'ended';

/**
 * One TCP connection. `A` is the side whose segment was seen first; which side is the client is known from the tap,
 * from the handshake, or from the first bytes, in this order of trust for taps that know and the reverse for captures.
 */
export class Flow implements ByteStream, FlowControl {
  readonly id: number;
  readonly hash: number;
  readonly endpoint: number;
  readonly key: FlowKey;
  /** The next flow with the same hash. */
  chain: Flow | null = null;
  state: FlowState = 'open';
  lastUs: number;
  /** When it last moved in the table's list by age. */
  listedUs: number;
  /** What the tap is still to be told: copy no more of it, ever or until its next request. */
  notice: 'forever' | 'until-request' | null = null;
  /** When a RST was seen that ends the flow unless its sender sends on; -1 if none was. */
  resetUs = -1;
  /** When the present hole was met; meaningful while `holes` is linked. */
  holeSinceUs = 0;
  readonly age = new Link<Flow>(this);
  readonly holes = new Link<Flow>(this);
  readonly #a: Reassembler;
  readonly #b: Reassembler;
  readonly #host: FlowHost;
  #handler: StreamHandler | null = null;
  #clientIsA = true;
  #clientKnown = false;
  /** The client is known beyond doubt: the tap says so, or bytes have been delivered. */
  #clientCertain = false;
  #pickedUp = false;
  #ending = false;
  /** A SYN that may be a new connection on the same ports. */
  #newSyn = false;
  #newIsn = 0;
  #mark = 0;
  /** Segments of a connection joined in the middle that came before its first request. */
  #skipped = 0;
  #resetByA = false;
  #resetByB = false;
  #finA = false;
  #finB = false;

  constructor(id: number, first: Segment, host: FlowHost) {
    this.id = id;
    this.hash = first.hash;
    this.endpoint = first.endpoint;
    this.key = new FlowKey(first);
    this.lastUs = first.timeUs;
    this.listedUs = first.timeUs;
    this.#host = host;
    this.#a = new Reassembler(this, host.counters);
    this.#b = new Reassembler(this, host.counters);
  }

  get heldBytes(): number {
    return this.#a.heldBytes + this.#b.heldBytes;
  }

  /** Whether someone reads it: it has delivered bytes and is not muted. */
  get isRead(): boolean {
    return this.state === 'open' && this.#handler !== null;
  }

  /** Whether any byte has been delivered since the last call. */
  noteProgress(): boolean {
    const mark = (this.#a.next + Math.imul(this.#b.next, 31)) | 0;
    const moved = mark !== this.#mark;
    this.#mark = mark;
    return moved;
  }

  /**
   * Whether this segment opens another connection on the same addresses and ports. A SYN on a living connection is not
   * believed by itself (RFC 5961 section 4): the server's answer or the client's next bytes have to confirm it.
   */
  isReusedBy(segment: Segment, fromA: boolean): boolean {
    const own = fromA ? this.#a : this.#b;
    if ((segment.flags & (SYN | ACK)) === SYN) {
      const isn = advance(segment.seq, 1);
      if (this.state === 'open' && own.synced && own.origin === isn) return false;
      if (this.state !== 'open' || this.#finished || this.resetUs >= 0) return true;
      if (this.#handler === null) return own.synced || this.#pickedUp;
      this.#newSyn = true;
      this.#newIsn = isn;
      return false;
    }
    if (!this.#newSyn) return segment.resync && this.state === 'ended';
    const fromClient = fromA === this.#clientIsA;
    if (fromClient) return segment.seq === this.#newIsn && own.next !== this.#newIsn;
    return (segment.flags & SYN) !== 0 && segment.ack === this.#newIsn;
  }

  /** Where the confirmed new connection's client begins; null if there was no SYN. */
  get newIsn(): number | null {
    return this.#newSyn ? this.#newIsn : null;
  }

  /** The client's next byte is at `isn`; used where its SYN went by before this flow was made. */
  startClient(isn: number, clientIsA: boolean): void {
    this.#clientIsA = clientIsA;
    this.#clientKnown = true;
    (clientIsA ? this.#a : this.#b).sync(isn);
  }

  receive(segment: Segment, fromA: boolean): void {
    this.lastUs = segment.timeUs;
    if (this.state === 'ended') return;
    if (segment.direction !== UNKNOWN_DIRECTION && !this.#clientCertain) {
      this.#setClient((segment.direction === TO_SERVER) === fromA);
      this.#clientCertain = true;
    }
    if (this.state === 'muted') return this.#receiveMuted(segment, fromA);
    const own = fromA ? this.#a : this.#b;
    const peer = fromA ? this.#b : this.#a;
    if (segment.resync) this.#resync(segment, own);
    if ((segment.flags & SYN) !== 0) this.#synchronise(segment, fromA, own, peer);
    if ((segment.flags & RST) !== 0) return this.#receiveReset(segment, fromA, own);
    // First what the segment says of the other direction: a response comes after the request that it answers.
    if ((segment.flags & ACK) !== 0 && peer.synced) {
      peer.acknowledge(segment.ack);
      if (peer.waiting) this.#giveUpFinalHoles(segment, peer);
    }
    if (segment.wireLength > 0 && this.state === 'open') this.#receivePayload(segment, fromA, own);
    else if ((segment.flags & URG) !== 0 && own.synced) own.doubt(segment.seq);
    if (this.state !== 'open') return;
    if ((segment.flags & ACK) !== 0 && !peer.synced && own.synced && this.#clientKnown && fromA === this.#clientIsA) {
      peer.assume(segment.ack);
    }
    if ((segment.flags & FIN) !== 0 && own.synced) own.finish(endOfPayload(segment), segment.timeUs);
    if (own.waiting) this.#giveUpFinalHoles(segment, own);
  }

  /** Gives up the first hole of each direction. */
  skipHoles(timeUs: number): void {
    this.#a.skipHole(timeUs);
    if (this.state === 'open') this.#b.skipHole(timeUs);
  }

  /** @returns whether it had not ended before */
  end(reason: EndReason, timeUs: number): boolean {
    if (this.#ending) return false;
    this.#ending = true;
    if (this.state === 'open') {
      this.#a.flush(timeUs);
      this.#b.flush(timeUs);
    }
    this.state = 'ended';
    this.resetUs = -1;
    this.#a.drop();
    this.#b.drop();
    this.#host.counters.ended[reason]++;
    const handler = this.#handler;
    this.#handler = null;
    this.#host.retired(this);
    handler?.onEnd(reason, timeUs);
    return true;
  }

  mute(reason: MuteReason): void {
    if (this.state !== 'open') return;
    this.state = 'muted';
    this.notice = 'forever';
    this.#a.drop();
    this.#b.drop();
    this.#host.counters.muted[reason]++;
    this.#host.retired(this);
  }

  describe(): FlowInfo {
    const { key } = this;
    const a = key.addressOfA();
    const b = key.addressOfB();
    const clientIsA = this.#clientIsA;
    return {
      id: this.id,
      endpoint: this.endpoint,
      clientAddress: clientIsA ? a : b,
      clientPort: clientIsA ? key.aPort : key.bPort,
      serverAddress: clientIsA ? b : a,
      serverPort: clientIsA ? key.bPort : key.aPort,
    };
  }

  onBytes(from: Reassembler, data: Buffer, start: number, end: number, timeUs: number): void {
    if (this.state !== 'open') return;
    this.#handlerOf().onData(this.#directionOf(from), data, start, end, timeUs);
  }

  onHole(from: Reassembler, missing: number, timeUs: number): void {
    if (this.state !== 'open') return;
    this.#handlerOf().onGap(this.#directionOf(from), missing, timeUs);
  }

  onFinished(from: Reassembler, timeUs: number): void {
    if (this.state !== 'open') return;
    this.#handler?.onFin(this.#directionOf(from), timeUs);
    if (this.#a.finished && this.#b.finished) this.end('fin', timeUs);
  }

  get #finished(): boolean {
    return (this.#clientIsA ? this.#a : this.#b).finished;
  }

  #directionOf(from: Reassembler): typeof TO_SERVER | typeof TO_CLIENT {
    return (from === this.#a) === this.#clientIsA ? TO_SERVER : TO_CLIENT;
  }

  #setClient(isA: boolean): void {
    this.#clientIsA = isA;
    this.#clientKnown = true;
  }

  /** Made with the first bytes, when it is certain who the client is. */
  #handlerOf(): StreamHandler {
    if (this.#handler !== null) return this.#handler;
    this.#clientCertain = true;
    this.#handler = this.#host.makeHandler(this);
    if (this.#a.finished) this.#handler.onFin(this.#directionOf(this.#a), this.lastUs);
    if (this.#b.finished) this.#handler.onFin(this.#directionOf(this.#b), this.lastUs);
    return this.#handler;
  }

  #synchronise(segment: Segment, fromA: boolean, own: Reassembler, peer: Reassembler): void {
    const isn = advance(segment.seq, 1);
    if (!own.synced || own.assumed) own.sync(isn);
    if ((segment.flags & ACK) === 0) {
      if (!this.#clientKnown) this.#setClient(fromA);
      return;
    }
    if (this.resetUs >= 0) this.#doubtReset(segment, fromA);
    if (!this.#clientKnown) this.#setClient(!fromA);
    if (!peer.synced) peer.assume(segment.ack);
    else peer.settleSyn(segment.ack, segment.timeUs);
  }

  #receivePayload(segment: Segment, fromA: boolean, own: Reassembler): void {
    if (!this.#clientCertain) this.#orient(segment, fromA);
    const { data, start, end, wireLength, timeUs } = segment;
    if ((segment.flags & SYN) !== 0) {
      if (own.next === advance(segment.seq, 1)) own.pushSyn(data, start, end, wireLength);
      return;
    }
    if ((!own.synced || (own.assumed && own.isFar(segment.seq))) && !this.#pickUp(segment, fromA, own)) {
      this.#host.counters.unsynced++;
      if (this.#handler === null && this.#skipped++ === 0) this.notice = 'until-request';
      return;
    }
    if (this.resetUs >= 0) this.#doubtReset(segment, fromA);
    own.assumed = false;
    if ((segment.flags & URG) !== 0) own.doubt(segment.seq);
    own.push(segment.seq, data, start, end, wireLength, timeUs);
  }

  /** Captures do not say who the client is, and a handshake may be crossed or wrong: the first bytes decide. */
  #orient(segment: Segment, fromA: boolean): void {
    const direction = directionOf(segment.data, segment.start, segment.end);
    if (direction !== null) this.#setClient((direction === TO_SERVER) === fromA);
  }

  /** Joins a connection that is older than the tap. */
  #pickUp(segment: Segment, fromA: boolean, own: Reassembler): boolean {
    if (!this.#clientKnown) return false;
    const direction = fromA === this.#clientIsA ? TO_SERVER : TO_CLIENT;
    if (!canBeJoined(segment.data, segment.start, segment.end, direction)) return false;
    own.sync(segment.seq);
    if (!this.#pickedUp) this.#host.counters.pickedUp++;
    this.#pickedUp = true;
    return true;
  }

  #resync(segment: Segment, own: Reassembler): void {
    this.#a.reset();
    this.#b.reset();
    own.sync(segment.seq);
    this.#host.counters.resyncs++;
    this.#handler?.onResync(segment.timeUs);
  }

  /**
   * A RST may be forged so that the receiver ignores it for reasons that we do not see (checksum, PAWS, MD5, RFC 5961).
   * Who really sent one sends nothing more: the flow ends after a moment in which nothing contradicts it.
   */
  #receiveReset(segment: Segment, fromA: boolean, own: Reassembler): void {
    if (!own.believesReset(segment.seq)) {
      this.#host.counters.badResets++;
      return;
    }
    if (fromA) this.#resetByA = true;
    else this.#resetByB = true;
    if (this.resetUs >= 0) return;
    this.resetUs = segment.timeUs;
    this.#host.doomed(this);
  }

  #doubtReset(segment: Segment, fromA: boolean): void {
    const own = fromA ? this.#a : this.#b;
    if (fromA ? !this.#resetByA : !this.#resetByB) return;
    if ((segment.flags & SYN) === 0 && own.synced && distance(own.next, endOfPayload(segment)) <= 0) return;
    if (fromA) this.#resetByA = false;
    else this.#resetByB = false;
    if (this.#resetByA || this.#resetByB) return;
    this.resetUs = -1;
    this.#host.counters.badResets++;
    this.#host.spared(this);
  }

  #receiveMuted(segment: Segment, fromA: boolean): void {
    if ((segment.flags & RST) !== 0) {
      this.end('rst', segment.timeUs);
      return;
    }
    if ((segment.flags & FIN) === 0) return;
    if (fromA) this.#finA = true;
    else this.#finB = true;
    if (this.#finA && this.#finB) this.end('fin', segment.timeUs);
  }

  /** A tap in the path sees bytes before their acknowledgement; a capture may have swapped a few packets. */
  #giveUpFinalHoles(segment: Segment, side: Reassembler): void {
    if (!side.holeIsFinal) {
      side.patience = 0;
      return;
    }
    if (segment.direction === UNKNOWN_DIRECTION) {
      side.patience += segment.wireLength > 0 ? PAYLOAD_WEIGHT : 1;
      if (side.patience < CAPTURE_SLACK) return;
    }
    side.patience = 0;
    while (this.state === 'open' && side.holeIsFinal) side.skipHole(segment.timeUs);
  }
}

/** Segments of a connection by which a capture may show an acknowledgement before the bytes it is for; */
const CAPTURE_SLACK = 8;
/** those with payload count for more, as they are answers to what is missing, or follow it. */
const PAYLOAD_WEIGHT = 3;

function endOfPayload(segment: Segment): number {
  const syn = (segment.flags & SYN) !== 0 ? 1 : 0;
  return advance(segment.seq, segment.wireLength + syn);
}

