import { connect, type ClientHttp2Session, type SecureClientSessionOptions } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { H2Delivery, type DeliveryOwner } from './h2-delivery.ts';
import {
  codeOf,
  sniOf,
  socketFailure,
  type Delivery,
  type DeliveryObserver,
  type FailureReason,
  type OutgoingRequest,
  type TlsOptions,
} from './http-client.ts';

/** Streams at a time, whatever a server allows; and what it probably allows, before its SETTINGS have come. */
const MAX_STREAMS = 1000;
const PROBABLE_STREAMS = 100;
/** What a mirror may send ahead: it is read at once and dropped, so this costs nothing. */
const WINDOW_BYTES = 1 << 20;
/** Servers of gRPC take more than one PING in five minutes for an attack; one is enough to find out that a peer is gone. */
const PING_MS = 330_000;
const PONG_MS = 20_000;
/** Streams have numbers, and those come to an end. */
const MAX_REQUESTS = 2 ** 29;

/** What a connection tells the client that it belongs to. */
export interface H2Owner {
  /** A stream is over; another one may be opened. */
  freed(connection: H2Connection): void;
  /** The connection takes no more requests; what is under way may go on. */
  leaving(connection: H2Connection): void;
  /** Nothing is left of it. */
  gone(connection: H2Connection): void;
}

/**
 * One connection of HTTP/2 to a mirror, over node:http2: by prior knowledge, or over TLS with ALPN. Requests wait until the
 * server's SETTINGS are there, with which it has to begin: only then is it known that it speaks HTTP/2, and how many
 * streams it allows.
 */
export class H2Connection implements DeliveryOwner {
  /** When its last stream ended, milliseconds. */
  idleSinceMs = 0;
  readonly #owner: H2Owner;
  readonly #session: ClientHttp2Session;
  readonly #secure: boolean;
  readonly #streams = new Set<H2Delivery>();
  readonly #openedMs = performance.now();
  #limit = PROBABLE_STREAMS;
  #ready = false;
  #connected = false;
  #failure: FailureReason | null = null;
  /** When anything came from the server, and when it was asked whether it is there. */
  #heardMs = performance.now();
  #pingMs = 0;
  #requests = 0;

  constructor(origin: URL, tls: TlsOptions, owner: H2Owner) {
    this.#owner = owner;
    this.#secure = origin.protocol === 'https:';
    this.#session = connect(origin, this.#secure ? { ...SETTINGS, ...tlsSettings(origin, tls) } : SETTINGS, (session, socket) => this.#onConnect(session, socket));
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }) => this.#onSettings(maxConcurrentStreams));
    this.#session.on('goaway', () => owner.leaving(this));
    this.#session.on('error', (error) => (this.#failure ??= this.#connected ? sessionFailure(error) : 'connect'));
    this.#session.on('close', () => this.#onClose());
  }

  /** Streams that are open, or wait to be. */
  get pending(): number {
    return this.#streams.size;
  }

  /** Streams that the server allows at a time. */
  get limit(): number {
    return this.#limit;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get open(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  get broken(): boolean {
    return this.#session.destroyed;
  }

  get failure(): FailureReason {
    return this.#failure ?? (this.#connected ? 'reset' : 'connect');
  }

  send(request: OutgoingRequest, observer: DeliveryObserver): Delivery {
    const delivery = new H2Delivery(this, request, observer);
    this.#streams.add(delivery);
    if (this.#ready) delivery.start(this.#session);
    this.#requests += 1;
    if (this.#requests === MAX_REQUESTS) this.#owner.leaving(this);
    return delivery;
  }

  /** Looks whether the server is there, where something is under way and nothing has been heard for long. */
  tick(nowMs: number): void {
    if (!this.#connected || this.#streams.size === 0 || !this.open) return;
    if (this.#pingMs > this.#heardMs) {
      if (nowMs - this.#pingMs > PONG_MS) this.#fail('timeout');
      return;
    }
    if (nowMs - this.#heardMs < PING_MS) return;
    this.#pingMs = nowMs;
    this.#session.ping((error) => {
      if (error === null) this.onHeard();
    });
  }

  /** Ends at once; what is under way fails. */
  close(): void {
    this.#session.destroy();
  }

  onHeard(): void {
    this.#heardMs = performance.now();
  }

  ended(delivery: H2Delivery, gaveUpSince: number): void {
    if (!this.#streams.delete(delivery)) return;
    // A server that has said nothing at all for so long is no longer trusted with requests.
    if (gaveUpSince >= 0 && (!this.#connected || this.#heardMs < gaveUpSince)) this.#owner.leaving(this);
    if (this.#streams.size === 0) this.idleSinceMs = performance.now();
    this.#owner.freed(this);
  }

  #onConnect(session: ClientHttp2Session, socket: Socket | TLSSocket): void {
    if (this.#secure && (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2')) return this.#fail('protocol');
    this.#connected = true;
    this.onHeard();
    this.#tellConnected();
    session.setLocalWindowSize(WINDOW_BYTES);
  }

  /** The connection was opened for the first that waits for it. */
  #tellConnected(): void {
    for (const { keeper } of this.#streams) {
      if (keeper !== null) return keeper.onConnected((this.#heardMs - this.#openedMs) * 1000);
    }
  }

  #onSettings(streams: number | undefined): void {
    this.onHeard();
    this.#limit = Math.max(1, Math.min(streams ?? MAX_STREAMS, MAX_STREAMS));
    if (this.#ready) return;
    this.#ready = true;
    for (const delivery of this.#streams) delivery.start(this.#session);
  }

  #onClose(): void {
    this.#owner.leaving(this);
    for (const delivery of this.#streams) delivery.fail(this.failure);
    this.#streams.clear();
    this.#owner.gone(this);
  }

  #fail(reason: FailureReason): void {
    this.#failure ??= reason;
    this.#session.destroy();
  }
}

const SETTINGS = {
  settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  // A copy says what the original said, and servers judge for themselves. (Node's types do not know this one.)
  strictSingleValueFields: false,
  // MiB. What is under way is bounded by the queue.
  maxSessionMemory: 4096,
};

function tlsSettings({ hostname }: URL, { serverName, ca, cert, key, insecureSkipVerify = false }: TlsOptions): SecureClientSessionOptions {
  return {
    ALPNProtocols: ['h2'],
    servername: serverName ?? sniOf(hostname),
    rejectUnauthorized: !insecureSkipVerify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
  };
}

/** A session ends with an error of its socket, or because one side broke the rules. */
function sessionFailure(error: Error): FailureReason {
  return codeOf(error) === 'ERR_HTTP2_ERROR' ? 'protocol' : socketFailure(error);
}
