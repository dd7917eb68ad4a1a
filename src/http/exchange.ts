import type { FlowInfo } from '../flow/stream.ts';
import type { ReasonOf } from '../ledger/outcomes.ts';

/** How the end of a message's content is found, RFC 9112 section 6.3; `stream`: END_STREAM ends it (RFC 9113 section 8.1). */
export type Framing = 'none' | 'length' | 'chunked' | 'close' | 'stream';

/** HTTP/1.x or HTTP/2. */
export type Protocol = 'h1' | 'h2';

/** Takes a message's content as it is decoded (de-chunked, not decompressed). Bytes are borrowed. */
export interface BodySink {
  write(data: Buffer, start: number, end: number): void;
}

/**
 * What requests and responses share. Strings are latin-1 of the bytes on the wire. Header names are as sent, values
 * trimmed and folded lines joined with one space; both lists are flat: name, value, name, value. Pseudo-headers of HTTP/2
 * are not among them; cookies that came in several fields (RFC 9113 section 8.2.3) stay as they came.
 */
export abstract class HttpMessage {
  /** `HTTP/1.1`, `HTTP/2` */
  version = '';
  headers: string[] = NO_HEADERS;
  trailers: string[] = NO_HEADERS;
  framing: Framing = 'none';
  /** Content bytes decoded so far; after completion, all of them. */
  bodyLength = 0;
  /** From Content-Length; -1 where not given. */
  declaredLength = -1;
  complete = false;
  /** Where the content goes; null means it is only counted. Set in onRequestHead or onResponseHead. */
  sink: BodySink | null = null;
  /** Time of the first byte and of the last, microseconds of the tap's clock. */
  firstUs = 0;
  lastUs = 0;
  /** For the handler's own use: what it has taken from a budget for the head. */
  charged = 0;
  /** Bytes of the head as read; its texts keep them all alive. */
  headBytes = 0;

  /** About how much memory its head and trailers take up. */
  get headCost(): number {
    let bytes = this.headBytes;
    for (const text of this.trailers) bytes += text.length;
    return textCost(this.headers.length + this.trailers.length, bytes);
  }

  /** Frees head and trailers: nobody reads them any more. */
  dropHead(): void {
    this.version = '';
    this.headers = NO_HEADERS;
    this.trailers = NO_HEADERS;
    this.headBytes = 0;
  }
}

const NO_HEADERS: string[] = [];
/** A short text, or a part of another text, with its place in a list. */
const STRING_BYTES = 48;

/** About how much memory so many texts take up that are parts of texts of so many bytes. */
export function textCost(count: number, bytes: number): number {
  return bytes + count * STRING_BYTES;
}

export class HttpRequest extends HttpMessage {
  method = '';
  /** Request target as sent: origin, absolute, authority or asterisk form (RFC 9112 section 3.2); of HTTP/2 `:path`. */
  target = '';
  /** `:authority` and `:scheme` of HTTP/2; empty where they were not sent. */
  authority = '';
  scheme = '';
  /** The names of the pseudo-headers in the order in which they were sent. */
  pseudo: readonly string[] = NO_HEADERS;

  /** It came in HTTP/2. */
  get isHttp2(): boolean {
    return this.pseudo.length > 0;
  }

  /** The pseudo-headers of HTTP/2 as they were sent: name, value, name, value. */
  pseudoFields(): string[] {
    return pseudoFieldsOf(this);
  }

  /** Of the method stays what decides the framing of the response. */
  override dropHead(): void {
    super.dropHead();
    this.method = this.method === 'HEAD' ? 'HEAD' : this.method === 'CONNECT' ? 'CONNECT' : '';
    this.target = '';
    this.authority = '';
    this.scheme = '';
    this.pseudo = NO_HEADERS;
  }
}

/** What the pseudo-headers of a request say, and the order in which they were sent. */
export type PseudoHead = Readonly<Pick<HttpRequest, 'method' | 'target' | 'scheme' | 'authority' | 'pseudo'>>;

/** @returns name, value, name, value */
export function pseudoFieldsOf(head: PseudoHead): string[] {
  return head.pseudo.flatMap((name) => [name, pseudoValue(head, name)]);
}

function pseudoValue({ method, target, scheme, authority }: PseudoHead, name: string): string {
  switch (name) {
    case ':method':
      return method;
    case ':path':
      return target;
    case ':scheme':
      return scheme;
    case ':authority':
      return authority;
    default:
      return '';
  }
}

export class HttpResponse extends HttpMessage {
  status = 0;
  reason = '';

  override dropHead(): void {
    super.dropHead();
    this.reason = '';
  }
}

/**
 * One request and, later, its response. `request` is null where a response came whose request was never captured;
 * `response` is null until its head is seen. Interim (1xx) responses are not kept, except 101.
 */
export class Exchange {
  readonly flow: FlowInfo;
  /** What its request came in. */
  readonly protocol: Protocol;
  request: HttpRequest | null = null;
  response: HttpResponse | null = null;
  /** The error code with which its HTTP/2 stream was reset by either side (RFC 9113 section 7); -1 if it was not. */
  resetCode = -1;
  /**
   * false: its connection was joined in its middle, and both directions have not confirmed each other yet. What has come of
   * the request may turn out never to have been.
   */
  confirmed = true;
  /** Position among the requests of its connection, from 0. */
  readonly index: number;
  /** For the handler's own use. */
  context: unknown = null;
  /** For the use of who looks on beside the handler. */
  sighting: unknown = null;

  constructor(flow: FlowInfo, index: number, protocol: Protocol = 'h1') {
    this.flow = flow;
    this.protocol = protocol;
    this.index = index;
  }
}

/** Outcomes that the decoder itself reaches; the others are decided later in the line. */
export type DecoderOutcome = 'upgrade' | 'incomplete' | 'ambiguous' | 'malformed' | 'h2-midstream';

/** Why a request's bytes end before it does, as the ledger says it. */
export type LossReason = 'gap' | 'reset' | 'closed' | 'timeout' | 'evicted' | 'resync' | 'shutdown';

/**
 * Receives what the decoder found.
 *
 * For each request: onRequestHead at most once, then exactly one of onRequest (whole) or onRequestLost. A request whose
 * head could not be used (ambiguous, malformed, cut in the head) and CONNECT get onRequestLost without onRequestHead;
 * `exchange.request` then holds what could be read of it. A request that asks for an Upgrade gets onRequestHead like
 * any other; once it is whole it waits for the answer: onRequestLost('upgrade') if the server switches protocols,
 * onRequest if it does not. The content of a malformed request is still read where its end is known: who wants it sets
 * `exchange.request.sink` in onRequestLost.
 * For each response: onResponseHead, then exactly one onResponse, with `complete` saying whether it was seen whole.
 * onExchangeEnd comes once, last, when nothing more will be learnt of the exchange.
 * Of HTTP/2 connections many exchanges are open at once, and their calls are interleaved. One that was joined in its
 * middle is not believed until both directions have confirmed each other: until then whole requests wait for onRequest,
 * which is instead onRequestLost('h2-midstream') if it turns out wrong.
 * Who wants a message as it happens needs no more than this and `confirmed`: its head in onRequestHead, its content piece by piece in the
 * sink, in one call what came in one segment, its trailers and its end in onRequest, and if it will never be whole
 * onRequestLost, with `resetCode` if it was reset; likewise for responses.
 * An exchange waits for its response as long as the connection lives: from any of these calls on, a handler that needs a
 * message's head no longer drops it with `dropHead`. Trailers come with onRequest and onResponse.
 */
export interface ExchangeHandler {
  /** The head is complete; framing is known. Set `exchange.request.sink` here to receive the content. */
  onRequestHead(exchange: Exchange): void;
  onRequest(exchange: Exchange): void;
  onRequestLost<O extends DecoderOutcome>(exchange: Exchange, outcome: O, reason: ReasonOf<O>): void;
  /** The final response's head is complete. Set `exchange.response.sink` here to receive the content. */
  onResponseHead(exchange: Exchange): void;
  onResponse(exchange: Exchange): void;
  onExchangeEnd(exchange: Exchange): void;
}
