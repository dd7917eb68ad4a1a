import { connect, type Socket } from 'node:net';
import type { BackendAddress } from '../policy/snapshot.ts';
import type { AnswerKeeper } from './answer-keeper.ts';
import { AnswerReader, type AnswerHandler } from './h1-answers.ts';
import { NO_TRAILERS, socketFailure, type Delivery, type DeliveryObserver, type FailureReason } from './http-client.ts';

/** Content up to this size goes out in one piece with its head. */
const INLINE_BODY_BYTES = 16 * 1024;

/** What every socket of the thread reads into: what is read is used up before the next one reads. */
const INCOMING = Buffer.allocUnsafeSlow(64 * 1024);

/** What a connection tells the client that it belongs to. */
export interface ConnectionOwner {
  /** An answer has come; the connection can take another request. */
  freed(connection: H1Connection): void;
  /** The connection takes no more requests. */
  gone(connection: H1Connection): void;
}

/** One connection to a mirror: requests go out in order, and answers come in the same order. */
export class H1Connection implements AnswerHandler {
  /** When its last answer came, milliseconds. */
  idleSinceMs = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new AnswerReader(this);
  /** Written or about to be, and not answered; oldest first. */
  readonly #unanswered: H1Delivery[] = [];
  /** Requests that go out at the next flush: latin-1. */
  #outgoing = '';
  readonly #openedMs = performance.now();
  #connected = false;
  #closed = false;
  /** Somebody has wanted an answer of this connection: from then on its bytes have times. */
  #timed = false;

  constructor(address: BackendAddress, owner: ConnectionOwner) {
    this.#owner = owner;
    const onread = { buffer: INCOMING, callback: (length: number): boolean => this.#onBytes(length) };
    this.#socket = connect({ ...address, noDelay: true, onread });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('end', () => this.#onFin());
    this.#socket.on('error', (error) => this.#fail(this.#connected ? socketFailure(error) : 'connect'));
    this.#socket.on('close', () => this.#fail(this.#connected ? 'reset' : 'connect'));
  }

  /** Requests that wait for their answer. */
  get pending(): number {
    return this.#unanswered.length;
  }

  get awaited(): string | null {
    return this.#unanswered.length === 0 ? null : this.#unanswered[0]!.method;
  }

  get keeper(): AnswerKeeper | null {
    return this.#unanswered.length === 0 ? null : this.#unanswered[0]!.observer.keeper;
  }

  /**
   * Takes a request; it goes out with `flush` at the latest.
   * @param head as `encodeHead` made it
   * @param body borrowed until the delivery ends
   */
  send(method: string, head: string, body: Buffer | null, observer: DeliveryObserver): Delivery {
    const delivery = new H1Delivery(this, method, observer);
    this.#unanswered.push(delivery);
    if (observer.keeper !== null) this.#timed = true;
    this.#outgoing += head;
    if (body === null || body.length === 0) return delivery;
    if (body.length <= INLINE_BODY_BYTES) {
      this.#outgoing += body.latin1Slice();
      return delivery;
    }
    delivery.writing = true;
    this.#socket.cork();
    this.flush();
    this.#socket.write(body, () => delivery.onWritten());
    this.#socket.uncork();
    return delivery;
  }

  /** Writes what was taken: one system call for all of it. */
  flush(): void {
    if (this.#closed || this.#outgoing === '') return;
    this.#socket.write(this.#outgoing, 'latin1');
    this.#outgoing = '';
  }

  /** Gives up a delivery, and with it the connection and all that waits behind: answers come in order. */
  abort(delivery: H1Delivery, reason: 'timeout' | 'cancelled'): void {
    if (this.#unanswered.includes(delivery)) this.#fail(this.#connected || reason === 'cancelled' ? reason : 'connect');
  }

  /** Ends at once; what waits for its answer fails. */
  close(): void {
    this.#fail('reset');
  }

  onAnswer(status: number): void {
    this.#unanswered[0]!.observer.onAnswer(status);
  }

  onAnswerEnd(persists: boolean): void {
    const delivery = this.#unanswered.shift()!;
    // A server that answers before it has the whole request may leave the rest unread (RFC 9112 section 9.5).
    const goesOn = persists && !delivery.writing;
    if (goesOn) this.#owner.freed(this);
    else this.#end();
    delivery.observer.onEnd(NO_TRAILERS);
    if (!goesOn) this.#failAll('reset');
  }

  onNonsense(): void {
    this.#fail('protocol');
  }

  #onBytes(length: number): boolean {
    this.#reader.read(INCOMING, 0, length, this.#timed ? performance.now() * 1000 : 0);
    return true;
  }

  /** What was written before goes out now; the connection was opened for the first of it. */
  #onConnect(): void {
    this.#connected = true;
    if (!this.#timed) return;
    const nowMs = performance.now();
    const keepers = this.#unanswered.flatMap(({ observer }) => observer.keeper ?? []);
    for (const keeper of keepers) keeper.onSent(nowMs);
    keepers[0]?.onConnected((nowMs - this.#openedMs) * 1000);
  }

  /** The server has finished: an answer that ends with the connection is complete now, any other is cut. */
  #onFin(): void {
    this.#reader.finish(0);
    this.#fail('reset');
  }

  #fail(reason: FailureReason): void {
    this.#end();
    this.#failAll(reason);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.stop();
    this.#socket.destroy();
    this.#owner.gone(this);
  }

  #failAll(reason: FailureReason): void {
    for (const { observer } of this.#unanswered.splice(0)) observer.onFailure(reason);
  }
}

class H1Delivery implements Delivery {
  readonly #connection: H1Connection;
  readonly method: string;
  readonly observer: DeliveryObserver;
  /** Its content is on its way into the socket. */
  writing = false;

  constructor(connection: H1Connection, method: string, observer: DeliveryObserver) {
    this.#connection = connection;
    this.method = method;
    this.observer = observer;
  }

  onWritten(): void {
    this.writing = false;
    this.observer.keeper?.onSent(performance.now());
  }

  abort(reason: 'timeout' | 'cancelled' = 'timeout'): void {
    this.#connection.abort(this, reason);
  }
}
