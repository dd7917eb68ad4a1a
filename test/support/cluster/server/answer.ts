import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeenRequest, StreamFault } from '../faults.ts';

/** A request in the server's log; it learns who sends it, what for, and how it ends. */
export type LoggedRequest = { -readonly [field in keyof SeenRequest]: SeenRequest[field] };

/** A watch whose client reads nothing is ended when that many bytes wait for it. */
const MAX_WAITING_BYTES = 64 << 20;

/** The answer to one request, over HTTP/1.1 or HTTP/2. Its body goes wrong as `fault` says. */
export class Answer {
  readonly request: LoggedRequest;
  fault: StreamFault = {};
  readonly #response: ServerResponse;
  readonly #reset: () => void;
  #closed = false;
  #sent = 0;
  #waiting: Uint8Array[] = [];
  #pumping: Promise<void> | null = null;
  /** Ends the wait for bytes to be sent. */
  #goOn: () => void = () => undefined;

  /** @param reset resets the connection */
  constructor(response: ServerResponse, request: LoggedRequest, reset: () => void) {
    this.#response = response;
    this.request = request;
    this.#reset = reset;
    response.on('close', () => this.#stop());
    response.on('error', () => this.#stop());
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  onClose(callback: () => void): void {
    if (this.#closed) callback();
    else this.#response.once('close', callback);
  }

  /** Sends the head at once. */
  head(status: number, headers: OutgoingHttpHeaders): void {
    if (this.#closed) return;
    this.request.status = status;
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || bytes.length === 0) return;
    const { pieceBytes, pauseMs, cutAfterBytes } = this.fault;
    if (this.#pumping === null && !pieceBytes && !pauseMs && cutAfterBytes === undefined) {
      this.#sent += bytes.length;
      this.#response.write(bytes);
      if (this.#response.writableLength > MAX_WAITING_BYTES) this.reset();
      return;
    }
    this.#waiting.push(bytes);
    this.#pumping ??= this.#pump();
  }

  async end(): Promise<void> {
    await this.#pumping;
    if (!this.#closed) this.#response.end();
  }

  reset(): void {
    this.#closed = true;
    this.#reset();
  }

  #stop(): void {
    this.#closed = true;
    this.#goOn();
  }

  async #pump(): Promise<void> {
    for (let bytes = this.#waiting.shift(); bytes !== undefined && !this.#closed; bytes = this.#waiting.shift()) {
      const size = this.fault.pieceBytes || bytes.length;
      for (let at = 0; at < bytes.length && !this.#closed; at += size) {
        await this.#put(bytes.subarray(at, at + size));
        if (this.fault.pauseMs) await sleep(this.fault.pauseMs);
      }
    }
    this.#pumping = null;
  }

  /** Writes as much as the fault lets through. */
  async #put(bytes: Uint8Array): Promise<void> {
    const left = (this.fault.cutAfterBytes ?? Infinity) - this.#sent;
    const part = bytes.length < left ? bytes : bytes.subarray(0, Math.max(0, left));
    this.#sent += part.length;
    if (part.length > 0) await this.#flush(part);
    if (bytes.length >= left) this.reset();
  }

  /** Resolves when the bytes are with the kernel, or the connection is gone. */
  async #flush(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#goOn = resolve;
    this.#response.write(bytes, () => resolve());
    await promise;
  }
}
