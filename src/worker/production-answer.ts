import type { Answer, NotCompared } from '../compare/answer.ts';
import type { ByteBudget } from '../flow/budget.ts';
import { KeepBody, type BodyPool } from '../http/body.ts';
import type { BodySink, HttpRequest, HttpResponse } from '../http/exchange.ts';
import { MessageCount } from '../http/grpc.ts';
import { Tee } from './tee.ts';

/** Hears once what production answered, or why that cannot be compared; it is valid until `release`. */
export interface ProductionSide {
  answered(production: Answer | NotCompared): void;
}

/** Keeps what production answers, as it is captured, within bounds. */
export class ProductionAnswer implements BodySink {
  readonly #maxBodyBytes: number;
  readonly #budget: ByteBudget;
  readonly #pool: BodyPool;
  readonly #side: ProductionSide;
  readonly #messages: MessageCount | null;
  #head: readonly string[] | null = null;
  #body: KeepBody | null = null;
  #room = 0;
  #told = false;

  /** @param grpc only an answer of one message can be compared */
  constructor(side: ProductionSide, maxBodyBytes: number, budget: ByteBudget, pool: BodyPool, grpc: boolean) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#budget = budget;
    this.#pool = pool;
    this.#messages = grpc ? new MessageCount() : null;
    this.#side = side;
  }

  get hasBegun(): boolean {
    return this.#head !== null;
  }

  /** Its head has come, and its content goes here. */
  begin(response: HttpResponse): void {
    if (this.#told) return;
    if (response.declaredLength > this.#maxBodyBytes && response.framing !== 'none') return this.giveUp('too-large');
    if (!this.#take(response.headCost)) return;
    this.#head = response.headers;
    if (response.framing === 'none') return;
    this.#body = new KeepBody(this.#maxBodyBytes, this.#budget, this.#pool);
    response.sink = response.sink === null ? this : new Tee(response.sink, this);
  }

  write(data: Buffer, start: number, end: number): void {
    const body = this.#body;
    if (body === null) return;
    body.write(data, start, end);
    this.#messages?.write(data, start, end);
    if (this.#messages !== null && this.#messages.messages > 1) this.giveUp('streaming');
    else if (body.state !== 'kept') this.giveUp(body.state === 'too-large' ? 'too-large' : 'memory');
  }

  /** Nothing more will come. @param response null: it never began */
  end({ lastUs }: HttpRequest, response: HttpResponse | null): void {
    if (this.#told) return;
    if (response === null) return this.giveUp('no-answer');
    const head = this.#head;
    // It may have begun before it was known that somebody wants it.
    if (!response.complete || head === null || (this.#body?.length ?? 0) !== response.bodyLength) return this.giveUp('incomplete');
    if (!this.#take(trailerCost(response.trailers))) return;
    this.#told = true;
    this.#side.answered(new KeptAnswer(response, head, response.bodyLength === 0 ? null : this.#body!.bytes(), lastUs));
  }

  giveUp(why: NotCompared): void {
    if (this.#told) return;
    this.#told = true;
    this.release();
    this.#side.answered(why);
  }

  /** Gives everything back, and keeps no more. Idempotent. */
  release(): void {
    this.#told = true;
    this.#budget.give(this.#room);
    this.#room = 0;
    this.#body?.release();
    this.#body = null;
    this.#head = null;
  }

  #take(bytes: number): boolean {
    if (!this.#budget.take(bytes)) {
      this.giveUp('memory');
      return false;
    }
    this.#room += bytes;
    return true;
  }
}

/** Production's answer; its content is borrowed. A class for the same reason as AnsweredCopy. */
class KeptAnswer implements Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: Buffer | null;
  readonly firstByteUs: number;
  readonly completeUs: number;

  /** @param askedUs when the request's last byte came */
  constructor({ status, trailers, firstUs, lastUs }: HttpResponse, headers: readonly string[], body: Buffer | null, askedUs: number) {
    this.status = status;
    this.headers = headers;
    this.trailers = trailers;
    this.body = body;
    this.firstByteUs = elapsed(askedUs, firstUs);
    this.completeUs = elapsed(askedUs, lastUs);
  }
}

function trailerCost(trailers: readonly string[]): number {
  return trailers.reduce((bytes, text) => bytes + text.length, 0);
}

/** A server may answer before the request is whole; how long it took is not known then. */
function elapsed(fromUs: number, toUs: number): number {
  return toUs >= fromUs ? toUs - fromUs : -1;
}
