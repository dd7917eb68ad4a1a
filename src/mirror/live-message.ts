import type { KeepBody } from '../http/body.ts';

/** A captured message of a call on its way to several targets; its memory is freed when the last holder has let go. */
export class LiveMessage {
  /** With its prefix; unchanged while somebody holds it. */
  readonly bytes: Buffer;
  readonly #body: KeepBody;
  #holders = 1;

  /** Whoever makes it holds it. */
  constructor(body: KeepBody) {
    this.#body = body;
    this.bytes = body.bytes();
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#body.release();
  }
}
