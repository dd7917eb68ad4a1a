import type { ByteBudget } from '../flow/budget.ts';
import { KeepBody } from '../http/body.ts';
import type { Exchange, HttpResponse } from '../http/exchange.ts';
import { NO_CONTENT, type Content } from '../record/record.ts';
import type { RecordQueue } from '../record/record-queue.ts';
import type { Ticket } from './ticket.ts';

/** An exchange that files wait for: it is recorded once nothing more will be learnt of it. */
export class Recording {
  /** Who gets it; each is owed one end of a copy. */
  readonly queues: RecordQueue[] = [];
  readonly #ticket: Ticket;
  readonly #request: KeepBody | null;
  readonly #maxBodyBytes: number;
  #response: KeepBody | null = null;
  #message: HttpResponse | null = null;
  #starved = false;

  /** @param request its content; the ticket frees it */
  constructor(ticket: Ticket, request: KeepBody | null, maxBodyBytes: number) {
    this.#ticket = ticket;
    this.#request = request;
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** Keeps what comes of the response's content. */
  keepResponse(response: HttpResponse, budget: ByteBudget): void {
    if (response.framing === 'none') return;
    this.release();
    this.#response = new KeepBody(this.#maxBodyBytes, budget);
    response.sink = this.#response;
    this.#message = response;
  }

  /** There is no room to keep the exchange until its end: it will not be recorded. */
  starve(): void {
    this.#starved = true;
    this.release();
  }

  finish(exchange: Exchange, nowMs: number): void {
    if (this.#starved) {
      for (const queue of this.queues) queue.shed(this.#ticket);
      return;
    }
    const request = this.#request === null ? NO_CONTENT : { body: this.#request.bytes(), missing: null };
    const contents = { request, response: contentOf(exchange.response, this.#response) };
    for (const queue of this.queues) queue.offer(exchange, contents, nowMs, this.#ticket);
    this.release();
  }

  /** Keeps no more of the response, and gives its room back. */
  release(): void {
    if (this.#message !== null) this.#message.sink = null;
    this.#message = null;
    this.#response?.release();
    this.#response = null;
  }
}

function contentOf(response: HttpResponse | null, kept: KeepBody | null): Content {
  if (response === null) return NO_CONTENT;
  if (!response.complete) return { body: null, missing: 'incomplete' };
  if (kept === null) return NO_CONTENT;
  if (kept.state === 'kept') return { body: kept.bytes(), missing: null };
  return { body: null, missing: kept.state === 'too-large' ? 'too-large' : 'memory' };
}
