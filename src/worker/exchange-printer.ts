import { DigestBody } from '../http/body.ts';
import type { DecoderOutcome, Exchange, ExchangeHandler, HttpMessage } from '../http/exchange.ts';
import type { ReasonOf } from '../ledger/outcomes.ts';
import { pairs } from './pairs.ts';

/** One line of `replay --dry-run`. Addresses and ports are the client's, then the server's. */
export interface ExchangeLine {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  /** `matched` for a whole request, `response-only` where no request was captured, else the decoder's outcome. */
  readonly outcome: 'matched' | 'response-only' | DecoderOutcome;
  readonly reason: string;
  readonly request: ({ readonly method: string; readonly target: string } & MessageLine) | null;
  readonly response: ({ readonly status: number } & MessageLine) | null;
}

export interface MessageLine {
  readonly version: string;
  /** Of a request of HTTP/2, its pseudo-headers too. */
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  readonly bodyLength: number;
  /** Of the content without its transfer coding. */
  readonly bodySha256: string;
  readonly complete: boolean;
}

/** What the printer remembers of an exchange. */
interface Notes {
  outcome: 'matched' | 'response-only' | DecoderOutcome;
  reason: string;
  requestBody: DigestBody | null;
  responseBody: DigestBody | null;
}

/** Turns exchanges into lines of JSON, in the order in which they end. */
export class ExchangePrinter implements ExchangeHandler {
  /** Lines by outcome and reason (`incomplete: gap`), for a summary. */
  readonly counts = new Map<string, number>();
  readonly #write: (line: string) => void;

  /** @param write gets one line, without its line end */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  onRequestHead(exchange: Exchange): void {
    this.#digestRequest(exchange, notesOf(exchange));
  }

  onRequest(exchange: Exchange): void {
    notesOf(exchange).outcome = 'matched';
  }

  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void {
    const notes = notesOf(exchange);
    notes.outcome = outcome;
    notes.reason = reason;
    if (outcome === 'malformed' || (outcome === 'h2-midstream' && !exchange.request!.complete)) this.#digestRequest(exchange, notes);
  }

  onResponseHead(exchange: Exchange): void {
    const notes = notesOf(exchange);
    notes.responseBody = new DigestBody();
    exchange.response!.sink = notes.responseBody;
  }

  onResponse(): void {}

  onExchangeEnd(exchange: Exchange): void {
    const { outcome, reason } = notesOf(exchange);
    const label = reason === '' ? outcome : `${outcome}: ${reason}`;
    this.counts.set(label, (this.counts.get(label) ?? 0) + 1);
    this.#write(JSON.stringify(lineOf(exchange)));
  }

  #digestRequest(exchange: Exchange, notes: Notes): void {
    notes.requestBody ??= new DigestBody();
    exchange.request!.sink = notes.requestBody;
  }
}

/** Call once, when the exchange has ended. */
function lineOf(exchange: Exchange): ExchangeLine {
  const { flow, request, response } = exchange;
  const { outcome, reason, requestBody, responseBody } = notesOf(exchange);
  return {
    src: flow.clientAddress,
    sport: flow.clientPort,
    dst: flow.serverAddress,
    dport: flow.serverPort,
    outcome,
    reason,
    request:
      request === null ? null : { method: request.method, target: request.target, ...messageLine(request, request.pseudoFields(), requestBody) },
    response: response === null ? null : { status: response.status, ...messageLine(response, [], responseBody) },
  };
}

function messageLine(message: HttpMessage, pseudo: readonly string[], body: DigestBody | null): MessageLine {
  return {
    version: message.version,
    headers: [...pairs(pseudo), ...pairs(message.headers)],
    trailers: pairs(message.trailers),
    bodyLength: message.bodyLength,
    bodySha256: (body ?? new DigestBody()).digest(),
    complete: message.complete,
  };
}

function notesOf(exchange: Exchange): Notes {
  const notes = (exchange.context ?? {
    outcome: 'response-only',
    reason: '',
    requestBody: null,
    responseBody: null,
  }) as Notes;
  exchange.context = notes;
  return notes;
}
