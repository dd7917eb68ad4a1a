import { createHash } from 'node:crypto';
import { HttpConnection } from '../../../src/http/connection.ts';
import { newHttpCounters } from '../../../src/http/counters.ts';
import type { HttpCounters } from '../../../src/http/counters.ts';
import type { BodySink, DecoderOutcome, Exchange, ExchangeHandler } from '../../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../../src/http/message-reader.ts';
import type { ReasonOf } from '../../../src/ledger/outcomes.ts';
import type { Transcript } from '../../support/relay.ts';

/** What became of an exchange. */
export interface Collected {
  readonly protocol: string;
  /** `whole`, or how the request was lost; `none` where there was no request. */
  outcome: string;
  method: string;
  path: string;
  authority: string;
  headers: string[];
  trailers: string[];
  /** Digest of the content. */
  body: string;
  bodyLength: number;
  resetCode: number;
  /** -1: none is known. */
  status: number;
  responseHeaders: string[];
  responseTrailers: string[];
  responseBody: string;
  responseComplete: boolean;
}

class Digest implements BodySink {
  readonly #hash = createHash('sha256');

  write(data: Buffer, start: number, end: number): void {
    this.#hash.update(data.subarray(start, end));
  }

  get hex(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Collects exchanges in the order in which they end. */
export class Collector implements ExchangeHandler {
  readonly exchanges: Collected[] = [];
  readonly #open = new Map<Exchange, { outcome: string; request: Digest; response: Digest }>();

  onRequestHead(exchange: Exchange): void {
    exchange.request!.sink = this.#notes(exchange).request;
  }

  onRequest(exchange: Exchange): void {
    this.#notes(exchange).outcome = 'whole';
  }

  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void {
    this.#notes(exchange).outcome = `${outcome} ${reason}`.trim();
  }

  onResponseHead(exchange: Exchange): void {
    exchange.response!.sink = this.#notes(exchange).response;
  }

  onResponse(): void {}

  onExchangeEnd(exchange: Exchange): void {
    const { outcome, request: sent, response: received } = this.#notes(exchange);
    this.#open.delete(exchange);
    const { request, response, protocol } = exchange;
    this.exchanges.push({
      protocol,
      outcome,
      method: request?.method ?? '',
      path: request?.target ?? '',
      authority: request?.authority ?? '',
      headers: request?.headers ?? [],
      trailers: request?.trailers ?? [],
      body: sent.hex,
      bodyLength: request?.bodyLength ?? 0,
      resetCode: exchange.resetCode,
      status: response?.status ?? -1,
      responseHeaders: response?.headers ?? [],
      responseTrailers: response?.trailers ?? [],
      responseBody: received.hex,
      responseComplete: response?.complete ?? false,
    });
  }

  get open(): number {
    return this.#open.size;
  }

  #notes(exchange: Exchange): { outcome: string; request: Digest; response: Digest } {
    let notes = this.#open.get(exchange);
    if (notes === undefined) this.#open.set(exchange, (notes = { outcome: 'none', request: new Digest(), response: new Digest() }));
    return notes;
  }
}

export interface Replayed {
  readonly exchanges: readonly Collected[];
  readonly counters: HttpCounters;
  readonly muted: readonly string[];
}

/** Decodes a connection from its `from`th piece on, each piece cut into segments of at most `size` bytes as TCP would. */
export function replay(transcript: Transcript, from = 0, size = 1448): Replayed {
  const collector = new Collector();
  const counters = newHttpCounters();
  const options = defaultHttpOptions();
  const muted: string[] = [];
  const flow = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 80 };
  const connection = new HttpConnection(flow, { mute: (reason) => muted.push(reason) }, collector, options, counters);
  transcript.slice(from).forEach(({ direction, bytes }, i) => {
    for (let at = 0; at < bytes.length && muted.length === 0; at += size) {
      connection.onData(direction, bytes, at, Math.min(bytes.length, at + size), i);
    }
  });
  connection.onEnd('fin', transcript.length);
  if (collector.open > 0) throw new Error(`${collector.open} exchanges never ended`);
  if (options.budget.used !== 0) throw new Error(`${options.budget.used} bytes are left`);
  return { exchanges: collector.exchanges, counters, muted };
}

export function digest(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
