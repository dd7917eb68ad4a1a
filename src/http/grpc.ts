// gRPC over HTTP/2, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import type { ByteBudget } from '../flow/budget.ts';
import { KeepBody } from './body.ts';
import type { BodySink } from './exchange.ts';

/** `application/grpc`, also with a format (`+proto`) or parameters; gRPC-Web is another protocol. */
const CONTENT_TYPE = /^application\/grpc(?:$|[+; \t])/i;

/** Whether these are the headers of a call. @param headers flat: name, value, name, value */
export function isGrpc(headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length === 12 && name.toLowerCase() === 'content-type') return CONTENT_TYPE.test(headers[i + 1]!);
  }
  return false;
}

const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** What `grpc-timeout` allows a call, milliseconds; Infinity where it does not say. @param headers flat */
export function grpcTimeoutMs(headers: readonly string[]): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] !== 'grpc-timeout') continue;
    const match = TIMEOUT.exec(headers[i + 1]!);
    if (match !== null) return Number(match[1]) * UNIT_MS[match[2]!]!;
  }
  return Infinity;
}

/** A flag that says whether a message is compressed, and its length. */
export const PREFIX_BYTES = 5;

/** Hears of the messages of one direction of a call. */
export interface MessageReceiver {
  /** @param bytes its length without its prefix @returns false where nothing more is wanted */
  onMessageHead(bytes: number): boolean;
  /** A whole message with its prefix; whoever gets it releases it. */
  onMessage(message: KeepBody): void;
  /** There was no room to keep a message. Nothing more comes. */
  onNoMemory(): void;
}

/** Cuts the content of one direction into messages. At most one of them is kept here: the one that is not whole yet. */
export class GrpcMessages implements BodySink {
  readonly #receiver: MessageReceiver;
  readonly #budget: ByteBudget;
  readonly #prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  #prefixLength = 0;
  #message: KeepBody | null = null;
  #missing = 0;
  #stopped = false;

  constructor(receiver: MessageReceiver, budget: ByteBudget) {
    this.#receiver = receiver;
    this.#budget = budget;
  }

  /** A message has begun and is not whole. */
  get isAmidst(): boolean {
    return this.#prefixLength > 0 || this.#message !== null;
  }

  write(data: Buffer, start: number, end: number): void {
    for (let at = start; at < end && !this.#stopped; ) {
      const message = this.#message;
      if (message === null) {
        const copied = data.copy(this.#prefix, this.#prefixLength, at, end);
        at += copied;
        this.#prefixLength += copied;
        if (this.#prefixLength === PREFIX_BYTES) this.#begin();
      } else {
        const stop = Math.min(end, at + this.#missing);
        this.#append(message, data, at, stop);
        this.#missing -= stop - at;
        at = stop;
      }
      if (this.#message !== null && this.#missing === 0) this.#deliver(this.#message);
    }
  }

  /** Takes nothing more, and gives its memory back. */
  stop(): void {
    this.#stopped = true;
    this.#message?.release();
    this.#message = null;
  }

  #begin(): void {
    this.#prefixLength = 0;
    this.#missing = this.#prefix.readUInt32BE(1);
    if (!this.#receiver.onMessageHead(this.#missing)) return this.stop();
    this.#message = new KeepBody(PREFIX_BYTES + this.#missing, this.#budget);
    this.#append(this.#message, this.#prefix, 0, PREFIX_BYTES);
  }

  #append(message: KeepBody, data: Buffer, start: number, end: number): void {
    message.write(data, start, end);
    if (message.state === 'kept') return;
    this.stop();
    this.#receiver.onNoMemory();
  }

  #deliver(message: KeepBody): void {
    this.#message = null;
    this.#receiver.onMessage(message);
  }
}

/** Counts the messages of one direction of a call, and keeps nothing of them. */
export class MessageCount implements BodySink {
  /** Those that have begun. */
  messages = 0;
  /** Bytes of the prefix that have come. */
  #prefix = 0;
  #length = 0;
  /** Bytes of the message that have not. */
  #missing = 0;

  write(data: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      if (this.#missing > 0) {
        const bytes = Math.min(this.#missing, end - at);
        this.#missing -= bytes;
        at += bytes;
        continue;
      }
      if (this.#prefix === 0) this.messages += 1;
      if (this.#prefix > 0) this.#length = this.#length * 256 + data[at]!;
      this.#prefix += 1;
      at += 1;
      if (this.#prefix < PREFIX_BYTES) continue;
      this.#missing = this.#length;
      this.#prefix = this.#length = 0;
    }
  }
}
