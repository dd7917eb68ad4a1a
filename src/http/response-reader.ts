import type { FlowControl } from '../flow/stream.ts';
import { beginsResponse } from '../flow/pickup.ts';
import { HttpResponse } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { FramingFields } from './framing.ts';
import { FAULTY, findHeadEnd, HeadScan, NEED_MORE } from './head-scan.ts';
import { readLeniently } from './lenient.ts';
import { MessageReader } from './message-reader.ts';
import type { Break, HttpOptions } from './message-reader.ts';
import type { PairedExchange, Pairing } from './pairing.ts';
import type { RequestReader } from './request-reader.ts';

/**
 * The server's direction. Read with good will, as clients do: a response is not mirrored, only its framing and its
 * status matter.
 */
export class ResponseReader extends MessageReader {
  readonly #pairing: Pairing;
  readonly #control: FlowControl;
  readonly #requests: RequestReader;
  readonly #toHttp2: (exchange: Exchange) => void;
  #exchange: PairedExchange | null = null;
  /** A part of the present response's content was lost. */
  #damaged = false;

  /** @param toHttp2 the connection goes on in HTTP/2, which answers this exchange's request */
  constructor(pairing: Pairing, requests: RequestReader, control: FlowControl, options: HttpOptions, toHttp2: (exchange: Exchange) => void) {
    super(options, pairing.counters);
    this.#pairing = pairing;
    this.#requests = requests;
    this.#toHttp2 = toHttp2;
    this.#control = control;
  }

  override onContent(data: Buffer, start: number, end: number): void {
    const response = this.#exchange?.response;
    if (response === null || response === undefined) return;
    response.bodyLength += end - start;
    response.sink?.write(data, start, end);
  }

  protected override beginsMessage(data: Buffer, start: number, end: number): boolean {
    return beginsResponse(data, start, end);
  }

  protected override onHead(data: Buffer, start: number, end: number, firstUs: number, timeUs: number): number {
    const after = SCAN.response(data, start, end);
    if (after === FAULTY) return this.#onFaultyHead(data, start, end, firstUs, timeUs);
    if (after === NEED_MORE) return NEED_MORE;
    const text = data.latin1Slice(start, after);
    const response = new HttpResponse();
    response.version = SCAN.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
    response.status = Number(text.substring(SCAN.firstStart - start, SCAN.firstEnd - start));
    response.reason = text.substring(SCAN.secondStart - start, SCAN.secondEnd - start);
    response.headers = SCAN.fieldList(text, start);
    response.headBytes = text.length;
    this.#onWholeHead(response, SCAN.minor, firstUs, timeUs);
    return after;
  }

  protected override onHeadBreak(data: Buffer, end: number, why: Break, firstUs: number, timeUs: number): void {
    // Half a head says nothing certain; the exchange stays without a response.
    void data, end, firstUs, timeUs;
    if (why !== 'end') this.#pairing.responsesLost();
  }

  protected override onBreak(why: Break, goesOn: boolean, timeUs: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#damaged = true;
    exchange.response!.sink = null;
    if (goesOn) return;
    this.#close(exchange, false, timeUs);
    if (why !== 'end') this.#pairing.responsesLost();
  }

  protected override onComplete(trailers: string[], timeUs: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    exchange.response!.trailers = trailers;
    this.#close(exchange, !this.#damaged, timeUs);
  }

  protected override onResynchronised(): void {
    this.#pairing.responsesLost();
  }

  #onWholeHead(response: HttpResponse, minor: number, firstUs: number, timeUs: number): void {
    const { status } = response;
    if (status >= 100 && status < 200 && status !== 101) {
      this.counters.interim++;
      this.#requests.onAnswer();
      return this.beginContent('none', 0, false, timeUs);
    }
    response.firstUs = firstUs;
    response.lastUs = timeUs;
    this.#requests.onAnswer();
    const exchange = this.#pairing.answered() ?? this.#requests.openEarly() ?? this.#pairing.openUnrequested();
    const method = exchange.request?.method ?? '';
    if (status === 101 && exchange.awaiting && exchange.asks === 'h2c') return this.#goOnInHttp2(exchange);
    this.#exchange = exchange;
    this.#damaged = false;
    FRAMING.read(response.headers, minor);
    response.declaredLength = FRAMING.length;
    response.framing = FRAMING.ofResponse(status, method);
    this.#pairing.responseHead(exchange, response);
    const tunnel = status === 101 || (method === 'CONNECT' && status >= 200 && status < 300);
    this.beginContent(response.framing, FRAMING.length, false, timeUs);
    if (!tunnel) {
      if (method === 'CONNECT') this.#requests.resume();
      return;
    }
    this.stop();
    this.#requests.stop();
    this.#control.mute('upgrade');
  }

  /** RFC 7540 section 3.2: the 101 is an interim response, the final one comes on stream 1. */
  #goOnInHttp2(exchange: PairedExchange): void {
    this.counters.interim++;
    this.#pairing.handOver(exchange);
    this.handOver();
    this.#requests.handOver();
    this.#toHttp2(exchange);
  }

  #onFaultyHead(data: Buffer, start: number, end: number, firstUs: number, timeUs: number): number {
    if (!isStatusStart(data, start, end)) {
      // A server that speaks first, and not HTTP, is no HTTP server.
      if (this.#requests.confirmed) this.lose();
      else {
        this.stop();
        this.#requests.stop();
        this.#control.mute('other');
      }
      return end;
    }
    const after = findHeadEnd(data, start, end);
    if (after < 0) return NEED_MORE;
    const text = data.latin1Slice(start, after);
    const head = readLeniently(text);
    const status = /^\d{3}/.exec(head.startLine[1]);
    if (status === null) {
      this.lose();
      return end;
    }
    const response = new HttpResponse();
    response.version = head.startLine[0];
    response.status = Number(status[0]);
    response.reason = head.startLine[2];
    response.headers = head.headers;
    response.headBytes = text.length;
    this.#onWholeHead(response, response.version === 'HTTP/1.0' ? 0 : 1, firstUs, timeUs);
    return after;
  }

  #close(exchange: PairedExchange, complete: boolean, timeUs: number): void {
    this.#exchange = null;
    const response = exchange.response!;
    response.complete = complete;
    response.lastUs = timeUs;
    this.#pairing.responseOver(exchange);
    response.sink = null;
  }
}

const SCAN = new HeadScan();
const FRAMING = new FramingFields();

function isStatusStart(data: Buffer, start: number, end: number): boolean {
  return 'HTTP/'.startsWith(data.latin1Slice(start, Math.min(end, start + 5)));
}
