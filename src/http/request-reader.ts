import type { FlowControl } from '../flow/stream.ts';
import { beginsRequest } from '../flow/pickup.ts';
import { TOKEN } from './chars.ts';
import { HttpRequest } from './exchange.ts';
import type { LossReason } from './exchange.ts';
import { FramingFields, isName } from './framing.ts';
import { FAULTY, findHeadEnd, HeadScan, NEED_MORE, TOO_LARGE } from './head-scan.ts';
import type { Fault } from './head-scan.ts';
import { readLeniently } from './lenient.ts';
import { MessageReader } from './message-reader.ts';
import type { Break, HttpOptions } from './message-reader.ts';
import type { PairedExchange, Pairing } from './pairing.ts';

/** The client's direction. As strict as Node's parser, for a request that servers could read in two ways is not mirrored. */
export class RequestReader extends MessageReader {
  /** What to say of a request that is cut now. */
  lossReason: LossReason = 'closed';
  /** A request line or a status line was seen: it is HTTP. */
  confirmed = false;
  /** The first bytes look like no request. The server's answer decides whether it is HTTP nevertheless. */
  #doubted = false;
  readonly #pairing: Pairing;
  readonly #control: FlowControl;
  /** The request in the making, from its head on (or earlier, if it was answered before its head was complete). */
  #exchange: PairedExchange | null = null;
  /** A part of its content was lost. */
  #damaged = false;

  constructor(pairing: Pairing, control: FlowControl, options: HttpOptions) {
    super(options, pairing.counters);
    this.#pairing = pairing;
    this.#control = control;
  }

  /** The exchange of a request that is answered before its head is complete; null if there is no such request. */
  openEarly(): PairedExchange | null {
    if (!this.midHead || this.#exchange !== null) return null;
    this.#exchange = this.#pairing.open(new HttpRequest(), -1);
    return this.#exchange;
  }

  /** The server has answered with HTTP. */
  onAnswer(): void {
    this.confirmed = true;
    if (!this.#doubted) return;
    this.#doubted = false;
    this.resume();
    this.lose();
  }

  /** What was begun will not be read to its end. */
  override stop(): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    super.stop();
    if (exchange === null) return;
    this.#pairing.requestLost(exchange, 'incomplete', this.lossReason);
    this.#pairing.requestOver(exchange);
  }

  override onContent(data: Buffer, start: number, end: number): void {
    const request = this.#exchange?.request;
    if (request === null || request === undefined) return;
    request.bodyLength += end - start;
    request.sink?.write(data, start, end);
  }

  protected override beginsMessage(data: Buffer, start: number, end: number): boolean {
    return beginsRequest(data, start, end);
  }

  protected override onHead(data: Buffer, start: number, end: number, firstUs: number, timeUs: number): number {
    const after = SCAN.request(data, start, end);
    if (after < 0 && !this.confirmed && !this.#mayBeHttp(data, start, end)) return end;
    if (after === NEED_MORE) return NEED_MORE;
    if (after === FAULTY && data.latin1Slice(start, Math.min(end, start + PREFACE.length)) === PREFACE) {
      this.#leave('h2');
      return end;
    }
    if (after === FAULTY && this.#pairing.awaitsUpgrade) {
      this.#pairing.upgradeGranted();
      this.stop();
      this.#control.mute('upgrade');
      return end;
    }
    if (after === FAULTY) return this.#onFaultyHead(data, start, end, firstUs, timeUs, SCAN.fault);
    if (after - start > this.options.maxHeadBytes) {
      return this.#onFaultyHead(data, start, end, firstUs, timeUs, TOO_LARGE);
    }
    this.confirmed = true;
    if (this.#pairing.awaitsUpgrade) this.#pairing.upgradeRefused();
    const text = data.latin1Slice(start, after);
    const exchange = this.#exchange ?? this.#pairing.open(new HttpRequest(), firstUs);
    this.#damaged = false;
    const request = exchange.request!;
    request.method = text.substring(SCAN.firstStart - start, SCAN.firstEnd - start);
    request.target = text.substring(SCAN.secondStart - start, SCAN.secondEnd - start);
    request.version = SCAN.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
    request.headers = SCAN.fieldList(text, start);
    request.headBytes = text.length;
    request.firstUs = firstUs;
    request.lastUs = timeUs;
    this.#exchange = exchange;
    this.#onWholeHead(exchange, SCAN.minor, timeUs);
    return after;
  }

  protected override onHeadBreak(data: Buffer, end: number, why: Break, firstUs: number, timeUs: number): void {
    const text = data.latin1Slice(0, end);
    // A few bytes that may be anything are not a request that was lost.
    if (this.#exchange === null && !(this.confirmed ? /^[A-Z]+ / : /^[A-Z]+ [^\r\n]* HTTP\/1\.[01]\r?\n/).test(text)) {
      this.counters.skippedBytes += end;
      return;
    }
    const exchange = this.#fillLeniently(text, firstUs, timeUs);
    this.#exchange = null;
    this.#lose(exchange, why);
    this.#pairing.requestOver(exchange);
  }

  protected override onBreak(why: Break, goesOn: boolean, timeUs: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    exchange.request!.lastUs = timeUs;
    exchange.request!.sink = null;
    this.#damaged = true;
    this.#lose(exchange, why);
    if (goesOn) return;
    this.#exchange = null;
    this.#pairing.requestOver(exchange);
  }

  protected override onComplete(trailers: string[], timeUs: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    const request = exchange.request!;
    request.trailers = trailers;
    request.lastUs = timeUs;
    request.complete = !this.#damaged;
    if (trailers.length > 0) this.#checkTrailers(exchange, trailers);
    this.#pairing.requestWhole(exchange);
  }

  protected override onResynchronised(): void {
    this.#pairing.requestsLost();
    this.#exchange = null;
  }

  #onWholeHead(exchange: PairedExchange, minor: number, timeUs: number): void {
    const request = exchange.request!;
    if (request.method === 'CONNECT') {
      request.complete = true;
      this.#exchange = null;
      this.#pairing.requestLost(exchange, 'upgrade', 'connect');
      this.#pairing.requestOver(exchange);
      // What follows is a tunnel, unless the server refuses: then the response's reader calls `resume`.
      return this.stop();
    }
    FRAMING.read(request.headers, minor);
    if (FRAMING.fault !== null) return this.#distrust(exchange, FRAMING.fault);
    exchange.asks = FRAMING.upgrade;
    request.declaredLength = FRAMING.length;
    const { chunked, length } = FRAMING;
    request.framing = chunked ? 'chunked' : length > 0 ? 'length' : 'none';
    this.#pairing.requestHead(exchange);
    this.beginContent(request.framing, length, true, timeUs);
  }

  /**
   * A head that a strict server refuses. Where its end is certain, what follows is read on in case the server was not
   * strict; where servers could disagree on that, nothing on this connection can be trusted any more.
   */
  #onFaultyHead(data: Buffer, start: number, end: number, firstUs: number, timeUs: number, fault: Fault): number {
    const after = findHeadEnd(data, start, end);
    if (after < 0) return NEED_MORE;
    this.confirmed = true;
    const exchange = this.#fillLeniently(data.latin1Slice(start, after), firstUs, timeUs);
    const request = exchange.request!;
    FRAMING.read(request.headers, 1);
    if (fault.outcome === 'ambiguous' || FRAMING.fault !== null) {
      this.#distrust(exchange, fault);
      return after;
    }
    request.declaredLength = FRAMING.length;
    request.framing = FRAMING.chunked ? 'chunked' : FRAMING.length > 0 ? 'length' : 'none';
    this.#exchange = exchange;
    this.#pairing.requestFaulty(exchange, fault);
    this.beginContent(request.framing, FRAMING.length, true, timeUs);
    return after;
  }

  #distrust(exchange: PairedExchange, fault: Fault): void {
    this.#exchange = null;
    this.#pairing.requestFaulty(exchange, fault);
    this.#pairing.requestOver(exchange);
    this.stop();
  }

  #fillLeniently(text: string, firstUs: number, timeUs: number): PairedExchange {
    const exchange = this.#exchange ?? this.#pairing.open(new HttpRequest(), firstUs);
    this.#damaged = false;
    const request = exchange.request!;
    const head = readLeniently(text);
    request.method = head.startLine[0];
    request.target = head.startLine[1];
    request.version = head.startLine[2];
    request.headers = head.headers;
    request.headBytes = text.length;
    request.firstUs = firstUs;
    request.lastUs = timeUs;
    return exchange;
  }

  /** Framing fields in a trailer are an attempt to confuse: RFC 9110 section 6.5.1, and Node's parser, refuse them. */
  #checkTrailers(exchange: PairedExchange, trailers: readonly string[]): void {
    for (let i = 0; i < trailers.length; i += 2) {
      const name = trailers[i]!;
      if (name.length === 14 && isName(name, 'content-length')) {
        this.#pairing.requestLost(exchange, 'ambiguous', 'length-and-chunked');
      }
      if (name.length === 17 && isName(name, 'transfer-encoding')) {
        this.#pairing.requestLost(exchange, 'ambiguous', 'transfer-encoding');
      }
    }
  }

  #lose(exchange: PairedExchange, why: Break): void {
    switch (why) {
      case 'gap':
        return this.#pairing.requestLost(exchange, 'incomplete', 'gap');
      case 'end':
        return this.#pairing.requestLost(exchange, 'incomplete', this.lossReason);
      case 'chunk':
        return this.#pairing.requestLost(exchange, 'malformed', 'chunk');
      case 'too-large':
        return this.#pairing.requestLost(exchange, 'malformed', 'head-too-large');
      case 'no-memory':
        return this.#pairing.requestLost(exchange, 'incomplete', 'evicted');
    }
  }

  /** Judges the first bytes of a connection. @returns false if they are not to be read on */
  #mayBeHttp(data: Buffer, start: number, end: number): boolean {
    if (data[start] === TLS_HANDSHAKE && (start + 1 >= end || data[start + 1] === 3)) return this.#leave('tls');
    const probe = data.latin1Slice(start, Math.min(end, start + MAX_PROBE));
    if (PREFACE.startsWith(probe)) return true;
    if (probe.startsWith(PREFACE)) return this.#leave('h2');
    if (looksLikeHttp(probe)) return true;
    this.#doubted = true;
    this.stop();
    return false;
  }

  #leave(protocol: 'tls' | 'h2'): false {
    this.stop();
    this.#control.mute(protocol);
    return false;
  }
}

const SCAN = new HeadScan();
const FRAMING = new FramingFields();
const TLS_HANDSHAKE = 0x16;
const PREFACE = 'PRI * HTTP/2.0\r\n';
const MAX_METHOD = 24;
const MAX_PROBE = 2048;
const METHODS = new Set(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE']);

/**
 * Whether a connection that begins with `probe` may be HTTP/1: the usual methods make it so unless another protocol is
 * named (SIP and RTSP have some of them); with others the request line has to be right.
 */
function looksLikeHttp(probe: string): boolean {
  let i = 0;
  while (i < probe.length && TOKEN[probe.charCodeAt(i)] === 1) i++;
  if (i === probe.length) return i <= MAX_METHOD;
  if (i === 0 || i > MAX_METHOD || probe[i] !== ' ') return false;
  const lineEnd = probe.indexOf('\n');
  const line = lineEnd < 0 ? probe : probe.slice(0, lineEnd);
  if (METHODS.has(line.slice(0, i))) return !/ (?!HTTP)[A-Z]+\/\d\.\d\r?$/.test(line);
  if (lineEnd < 0) return probe.length < MAX_PROBE;
  return / HTTP\/1\.[01]\r?$/.test(line);
}
