import { newFlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import type { FlowOptions } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { DecoderOutcome, Exchange, ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { Segment } from '../../src/tap/segment.ts';
import type { ReasonOf } from '../../src/ledger/outcomes.ts';
import { fillSegment } from './conversation.ts';
import type { Packet } from './conversation.ts';

/** Writes down each call, and that the handler's contract is kept. */
export class EventLog implements ExchangeHandler {
  readonly events: string[] = [];
  readonly #open = new Map<Exchange, { head: number; settled: number; responses: number; bodies: string[] }>();

  onRequestHead(exchange: Exchange): void {
    const state = this.#stateOf(exchange);
    state.head++;
    const { method, target, version, framing } = exchange.request!;
    exchange.request!.sink = sinkInto(state.bodies, 0);
    this.events.push(`#${exchange.index} head ${method} ${target} ${version} ${framing}`);
  }

  onRequest(exchange: Exchange): void {
    const state = this.#stateOf(exchange);
    state.settled++;
    const { bodyLength, trailers, complete } = exchange.request!;
    this.#check(exchange, state.head === 1 && complete, 'whole without a head, or not complete');
    const body = state.bodies[0] === '' ? '' : ` ${JSON.stringify(shorten(state.bodies[0]!))}`;
    this.#check(exchange, state.bodies[0]!.length === bodyLength, 'body and its length differ');
    this.events.push(`#${exchange.index} request ${bodyLength}${body}${trailers.length > 0 ? ` ${trailers.join('=')}` : ''}`);
  }

  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void {
    this.#stateOf(exchange).settled++;
    this.events.push(`#${exchange.index} lost ${outcome} ${reason}`);
  }

  onResponseHead(exchange: Exchange): void {
    const { status, framing } = exchange.response!;
    exchange.response!.sink = sinkInto(this.#stateOf(exchange).bodies, 1);
    this.events.push(`#${exchange.index} status ${status} ${framing}`);
  }

  onResponse(exchange: Exchange): void {
    const state = this.#stateOf(exchange);
    state.responses++;
    const { bodyLength, complete } = exchange.response!;
    const body = state.bodies[1] === '' ? '' : ` ${JSON.stringify(shorten(state.bodies[1]!))}`;
    this.events.push(`#${exchange.index} response ${bodyLength}${body}${complete ? '' : ' cut'}`);
  }

  onExchangeEnd(exchange: Exchange): void {
    const state = this.#stateOf(exchange);
    this.#check(exchange, state.settled === (exchange.request === null ? 0 : 1), `settled ${state.settled} times`);
    this.#check(exchange, state.responses === (exchange.response === null ? 0 : 1), `${state.responses} responses`);
    this.#check(exchange, state.head <= 1, 'two heads');
    this.#open.delete(exchange);
    this.events.push(`#${exchange.index} end`);
  }

  /** Exchanges that never ended. */
  get open(): number {
    return this.#open.size;
  }

  #stateOf(exchange: Exchange): { head: number; settled: number; responses: number; bodies: string[] } {
    let state = this.#open.get(exchange);
    if (state === undefined) {
      this.#check(exchange, exchange.context === null, 'a call after its end');
      exchange.context = 'seen';
      state = { head: 0, settled: 0, responses: 0, bodies: ['', ''] };
      this.#open.set(exchange, state);
    }
    return state;
  }

  #check(exchange: Exchange, holds: boolean, complaint: string): void {
    if (!holds) throw new Error(`contract: #${exchange.index} ${complaint}`);
  }
}

/** Runs packets through flow table and decoder. */
export function decode(packets: readonly Packet[], live = false, options: Partial<FlowOptions> = {}) {
  const log = new EventLog();
  const flow = newFlowCounters();
  const http = newHttpCounters();
  const httpOptions = defaultHttpOptions();
  const table = new FlowTable((info, control) => new HttpConnection(info, control, log, httpOptions, http), options, flow);
  const segment = new Segment();
  let lastUs = 0;
  for (const packet of packets) {
    table.onSegment(fillSegment(segment, packet, live));
    lastUs = packet.timeUs;
  }
  table.close(lastUs);
  if (log.open > 0) throw new Error(`${log.open} exchanges never ended`);
  if (flow.heldBytes !== 0 || flow.flows !== 0) throw new Error(`${flow.heldBytes} bytes in ${flow.flows} flows are left`);
  if (httpOptions.budget.used !== 0) throw new Error(`${httpOptions.budget.used} bytes of heads are left`);
  return { events: log.events, flow, http };
}

function sinkInto(bodies: string[], index: number) {
  return {
    write(data: Buffer, start: number, end: number): void {
      bodies[index] += data.latin1Slice(start, end);
    },
  };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 28)}…${text.slice(-28)}` : text;
}
