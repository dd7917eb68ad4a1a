import type { DecoderOutcome, Exchange, ExchangeHandler } from '../http/exchange.ts';
import type { ReasonOf } from '../ledger/outcomes.ts';
import { isObserved, type PolicySnapshot, type SnapshotEndpoint } from '../policy/snapshot.ts';

/**
 * Looks on: hears of the exchanges of observed pods before the pipeline does, which drops the heads that it does not need. What is
 * wanted of a head is taken while the call lasts; whatever has to be remembered of an exchange is in its `sighting`. The order
 * of calls is that of ExchangeHandler, of requests only: a response to a request that was never captured is not told.
 */
export interface Onlooker {
  onRequestHead(exchange: Exchange): void;
  onRequest(exchange: Exchange): void;
  /** Without onRequestHead where the head could not be used; `exchange.request` then holds what could be read of it. */
  onRequestLost(exchange: Exchange, outcome: DecoderOutcome, reason: string): void;
  onResponseHead(exchange: Exchange): void;
  onResponse(exchange: Exchange): void;
  onExchangeEnd(exchange: Exchange): void;
}

/** Stands before the pipeline and lets others look on. Where nothing is observed it costs one look at a field for each call. */
export class Insight implements ExchangeHandler {
  readonly #next: ExchangeHandler;
  readonly #sight: (exchange: Exchange) => object;
  readonly #onlookers: readonly Onlooker[];
  /** By number, those of which any port is observed; null: there is none. */
  #observed: ReadonlyMap<number, SnapshotEndpoint> | null = null;

  /** @param sight makes what onlookers remember of an exchange, at the first call for it */
  constructor(next: ExchangeHandler, sight: (exchange: Exchange) => object, onlookers: readonly Onlooker[]) {
    this.#next = next;
    this.#sight = sight;
    this.#onlookers = onlookers;
  }

  /** Exchanges that have begun stay what they are. */
  configure({ endpoints }: PolicySnapshot): void {
    const observed = endpoints.filter((endpoint) => endpoint.observed !== null);
    this.#observed = observed.length === 0 || this.#onlookers.length === 0 ? null : new Map(observed.map((endpoint) => [endpoint.id, endpoint]));
  }

  onRequestHead(exchange: Exchange): void {
    if (this.#sees(exchange)) for (const onlooker of this.#onlookers) onlooker.onRequestHead(exchange);
    this.#next.onRequestHead(exchange);
  }

  onRequest(exchange: Exchange): void {
    if (exchange.sighting !== null) for (const onlooker of this.#onlookers) onlooker.onRequest(exchange);
    this.#next.onRequest(exchange);
  }

  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void {
    if (this.#sees(exchange)) for (const onlooker of this.#onlookers) onlooker.onRequestLost(exchange, outcome, reason);
    this.#next.onRequestLost(exchange, outcome, reason);
  }

  onResponseHead(exchange: Exchange): void {
    if (exchange.sighting !== null) for (const onlooker of this.#onlookers) onlooker.onResponseHead(exchange);
    this.#next.onResponseHead(exchange);
  }

  onResponse(exchange: Exchange): void {
    if (exchange.sighting !== null) for (const onlooker of this.#onlookers) onlooker.onResponse(exchange);
    this.#next.onResponse(exchange);
  }

  onExchangeEnd(exchange: Exchange): void {
    if (exchange.sighting !== null) for (const onlooker of this.#onlookers) onlooker.onExchangeEnd(exchange);
    this.#next.onExchangeEnd(exchange);
  }

  #sees(exchange: Exchange): boolean {
    if (exchange.sighting !== null) return true;
    if (this.#observed === null || exchange.request === null) return false;
    const endpoint = this.#observed.get(exchange.flow.endpoint);
    if (endpoint === undefined || !isObserved(endpoint, exchange.flow.serverPort)) return false;
    exchange.sighting = this.#sight(exchange);
    return true;
  }
}
