import type { BodySink } from '../http/exchange.ts';

/** Content that two want. */
export class Tee implements BodySink {
  readonly #first: BodySink;
  readonly #second: BodySink;

  constructor(first: BodySink, second: BodySink) {
    this.#first = first;
    this.#second = second;
  }

  write(data: Buffer, start: number, end: number): void {
    this.#first.write(data, start, end);
    this.#second.write(data, start, end);
  }
}
