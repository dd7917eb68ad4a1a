import { DigestBody } from '../http/body.ts';
import type { BodySink } from '../http/exchange.ts';
import { MessageCount } from '../http/grpc.ts';

/** What a client says in a call of gRPC, without keeping it. */
export class CallDigest implements BodySink {
  readonly #content = new DigestBody();
  readonly #count = new MessageCount();
  readonly #onStream: () => void;

  /** @param onStream it turns out that the client sends more than one message */
  constructor(onStream: () => void) {
    this.#onStream = onStream;
  }

  write(data: Buffer, start: number, end: number): void {
    if (this.#count.messages > 1) return;
    this.#content.write(data, start, end);
    this.#count.write(data, start, end);
    if (this.#count.messages > 1) this.#onStream();
  }

  /** Of all that came. Call once. */
  digest(): string {
    return this.#content.digest();
  }
}
