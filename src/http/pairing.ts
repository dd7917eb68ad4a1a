import type { ByteBudget } from '../flow/budget.ts';
import type { FlowInfo } from '../flow/stream.ts';
import type { ReasonOf } from '../ledger/outcomes.ts';
import type { HttpCounters } from './counters.ts';
import { Exchange } from './exchange.ts';
import type { DecoderOutcome, ExchangeHandler, HttpRequest, HttpResponse } from './exchange.ts';
import type { UpgradeKind } from './framing.ts';
import type { Fault } from './head-scan.ts';

/** An exchange with what the decoder has to remember of it. */
export class PairedExchange extends Exchange {
  /** The Upgrade it asks for; CONNECT is not one. */
  asks: UpgradeKind = '';
  /** The request is whole, and waits for the answer to its Upgrade. */
  awaiting = false;
  /** onRequest or onRequestLost was called, or there is no request. */
  requestSettled = false;
  /** Nothing more of the request will come. */
  requestOver = false;
  /** onResponse was called, or no response will come. */
  responseSettled = false;
  /** onExchangeEnd was called. */
  ended = false;
  /** Room was taken from the budget for it. */
  charged = false;
}

/**
 * Pairs responses with requests: the n-th final response answers the n-th request (RFC 9112 section 9.3.2). Once
 * messages of a client that pipelines were lost, no counting tells which response answers which request: then none is
 * paired any more. Keeps ExchangeHandler's promises, so that the readers need not.
 */
export class Pairing {
  readonly flow: FlowInfo;
  readonly counters: HttpCounters;
  readonly #handler: ExchangeHandler;
  readonly #budget: ByteBudget;
  /** Exchanges whose response has not been completed, oldest first. */
  #pending: PairedExchange[] = [];
  #requests = 0;
  /** Requests, responses were lost since the last response: the oldest pending exchange may not be what the next answers. */
  #requestsLost = false;
  #responsesLost = false;
  /** The client sends requests before the answers to those before them. */
  #pipelines = false;
  /** Messages of a client that pipelines were lost. */
  #lostCount = false;
  /** Responses still to come for exchanges that were given up because too many were pending. */
  #owed = 0;
  /** Requests that wait for the answer to an Upgrade. */
  #awaiting = 0;

  /** @param budget room for exchanges that are pipelined, without what their handler keeps */
  constructor(flow: FlowInfo, handler: ExchangeHandler, counters: HttpCounters, budget: ByteBudget) {
    this.flow = flow;
    this.#handler = handler;
    this.#budget = budget;
    this.counters = counters;
  }

  /**
   * A request has begun: it takes the next response.
   * @param firstUs when; a request that begins in the segment in which another ended is pipelined
   */
  open(request: HttpRequest, firstUs: number): PairedExchange {
    const exchange = new PairedExchange(this.flow, this.#requests++);
    exchange.request = request;
    const pending = this.#pending;
    if (pending.length > 0) {
      if (pending[pending.length - 1]!.request?.lastUs === firstUs) this.#pipelines = true;
      if (pending.length >= MAX_PENDING) this.#evict();
      exchange.charged = this.#budget.take(EXCHANGE_BYTES);
      // Of those that are there already, the oldest may have made room.
      if (!exchange.charged && this.#evict()) exchange.charged = this.#budget.take(EXCHANGE_BYTES);
    }
    pending.push(exchange);
    this.counters.requests++;
    return exchange;
  }

  requestHead(exchange: PairedExchange): void {
    this.#handler.onRequestHead(exchange);
  }

  /** The request is whole. One that asks for an Upgrade is decided by its answer. */
  requestWhole(exchange: PairedExchange): void {
    exchange.requestOver = true;
    if (exchange.requestSettled) return this.#endIfDone(exchange);
    if (exchange.asks !== '' && !exchange.responseSettled && exchange.response === null) {
      exchange.awaiting = true;
      this.#awaiting++;
      return;
    }
    this.#settleRequest(exchange);
    this.#handler.onRequest(exchange);
    this.#endIfDone(exchange);
  }

  /** The request is of no use. Unless more of it is read, `requestOver` has to follow. */
  requestLost<O extends DecoderOutcome>(exchange: PairedExchange, outcome: O, reason: ReasonOf<O>): void {
    if (exchange.requestSettled) return;
    this.#settleRequest(exchange);
    this.#handler.onRequestLost(exchange, outcome, reason);
  }

  /** The request's head is wrong. */
  requestFaulty(exchange: PairedExchange, fault: Fault): void {
    if (fault.outcome === 'ambiguous') this.requestLost(exchange, fault.outcome, fault.reason);
    else this.requestLost(exchange, fault.outcome, fault.reason);
  }

  /** Nothing more of a lost request will come. */
  requestOver(exchange: PairedExchange): void {
    if (exchange.requestOver) return;
    exchange.requestOver = true;
    this.#endIfDone(exchange);
  }

  /** The exchange that the next response answers; null if no request waits for one. */
  answered(): PairedExchange | null {
    const pending = this.#pending;
    // All responses so far were seen: more than one request waits for an answer.
    if (pending.length > 1 && !this.#responsesLost) this.#pipelines = true;
    if (this.#requestsLost || this.#responsesLost) {
      this.#lostCount ||= this.#pipelines;
      this.#requestsLost = false;
      this.#responsesLost = false;
      this.#owed = 0;
      // Without pipelining, the newest request is the only one still open.
      while (pending.length > 1) this.#settleResponse(pending[0]!);
    }
    if (this.#lostCount) {
      while (pending.length > 0) this.#settleResponse(pending[0]!);
      return this.openUnrequested();
    }
    if (this.#owed > 0) {
      this.#owed--;
      return this.openUnrequested();
    }
    return pending[0] ?? null;
  }

  /** The exchange of a response whose request was never captured. */
  openUnrequested(): PairedExchange {
    const exchange = new PairedExchange(this.flow, this.#requests++);
    exchange.requestSettled = true;
    exchange.requestOver = true;
    this.counters.unrequested++;
    this.#pending.unshift(exchange);
    return exchange;
  }

  responseHead(exchange: PairedExchange, response: HttpResponse): void {
    exchange.response = response;
    this.counters.responses++;
    if (response.status === 101) this.requestLost(exchange, 'upgrade', upgradeReason(exchange.asks));
    else if (exchange.awaiting) this.#refused(exchange);
    this.#handler.onResponseHead(exchange);
  }

  responseOver(exchange: PairedExchange): void {
    this.#handler.onResponse(exchange);
    this.#settleResponse(exchange);
  }

  /** The client sends another request although it waits for the answer to an Upgrade: it was refused. */
  upgradeRefused(): void {
    for (const exchange of this.#pending.slice()) if (exchange.awaiting) this.#refused(exchange);
  }

  /** The client speaks another protocol: its Upgrade was granted. */
  upgradeGranted(): void {
    for (const exchange of this.#pending.slice()) {
      if (exchange.awaiting) this.requestLost(exchange, 'upgrade', upgradeReason(exchange.asks));
    }
  }

  /** HTTP/2 answers this exchange: it is no longer ours, and no other is answered. */
  handOver(exchange: PairedExchange): void {
    this.#refused(exchange);
    this.#pending.splice(this.#pending.indexOf(exchange), 1);
    if (exchange.charged) this.#budget.give(EXCHANGE_BYTES);
    exchange.charged = false;
    this.noMoreResponses();
  }

  get awaitsUpgrade(): boolean {
    return this.#awaiting > 0;
  }

  /** Some requests may have been lost. */
  requestsLost(): void {
    this.#requestsLost = true;
  }

  /** Some responses may have been lost. */
  responsesLost(): void {
    this.#responsesLost = true;
  }

  /** No more responses will come. Requests still in the making stay open. */
  noMoreResponses(): void {
    // What asked for an Upgrade and got no answer: only for h2c it is usual that servers take no notice.
    for (const exchange of this.#pending.slice()) {
      if (!exchange.awaiting) continue;
      if (exchange.asks === 'h2c') this.#refused(exchange);
      else this.requestLost(exchange, 'upgrade', upgradeReason(exchange.asks));
    }
    while (this.#pending.length > 0) this.#settleResponse(this.#pending[0]!);
  }

  /** Gives up the oldest exchange whose response has not begun, if any. Its response, when it comes, is nobody's. */
  #evict(): boolean {
    const [first, second] = this.#pending;
    const oldest = first!.response === null ? first! : second;
    if (oldest === undefined) return false;
    // Whether its response has content depends on the method, which is forgotten with it.
    if (isFramedByMethod(oldest.request!.method)) this.#pipelines = this.#responsesLost = true;
    this.#owed++;
    this.#settleResponse(oldest);
    return true;
  }

  #refused(exchange: PairedExchange): void {
    this.#settleRequest(exchange);
    this.#handler.onRequest(exchange);
  }

  #settleRequest(exchange: PairedExchange): void {
    if (exchange.awaiting) this.#awaiting--;
    exchange.awaiting = false;
    exchange.requestSettled = true;
    exchange.request!.sink = null;
  }

  #settleResponse(exchange: PairedExchange): void {
    const pending = this.#pending;
    if (pending.length === 1 && pending[0] === exchange) pending.pop();
    else if (pending.includes(exchange)) pending.splice(pending.indexOf(exchange), 1);
    exchange.responseSettled = true;
    if (exchange.charged) this.#budget.give(EXCHANGE_BYTES);
    exchange.charged = false;
    if (exchange.awaiting) this.#refused(exchange);
    this.#endIfDone(exchange);
  }

  #endIfDone(exchange: PairedExchange): void {
    if (exchange.ended || !exchange.requestSettled || !exchange.requestOver || !exchange.responseSettled) return;
    exchange.ended = true;
    this.#handler.onExchangeEnd(exchange);
  }
}

/** Requests of one connection that wait for responses; more than any client pipelines, but a one-sided capture has. */
const MAX_PENDING = 256;
/** An exchange with its request, dropped head; the first of a connection is part of what a connection costs. */
const EXCHANGE_BYTES = 512;

function isFramedByMethod(method: string): boolean {
  return method === 'HEAD' || method === 'CONNECT';
}

function upgradeReason(kind: UpgradeKind): 'websocket' | 'h2c' | 'other' {
  return kind === '' ? 'other' : kind;
}
