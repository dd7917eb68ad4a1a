import type { ServerResponse } from 'node:http';

/** What may wait for a listener that reads slowly, bytes. */
const MOST_WAITING = 512 * 1024;

/** One listener of server-sent events (HTML Living Standard, section 9.2). Who reads slowly misses events; none waits for him. */
export class EventStream {
  readonly #response: ServerResponse;
  #missed = 0;

  /** @param response its head has been sent */
  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Events that were left out since this was last asked. */
  takeMissed(): number {
    const missed = this.#missed;
    this.#missed = 0;
    return missed;
  }

  /**
   * @param data one line of JSON, made once for all listeners
   * @returns false where the listener is too slow: the event is left out
   */
  send(event: string, data: string): boolean {
    if (this.#response.writableLength > MOST_WAITING) {
      this.#missed += 1;
      return false;
    }
    this.#response.write(`event: ${event}\ndata: ${data}\n\n`);
    return true;
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }
}
