import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { DecoderOutcome, Exchange, ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import type { EndReason } from '../../src/flow/stream.ts';
import type { EndpointLoad, ObserveData } from '../../src/observe/data.ts';
import { Observer } from '../../src/observe/observer.ts';
import { Sighting } from '../../src/observe/sighting.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';

export interface Client {
  readonly address?: string;
  readonly endpoint?: number;
  readonly port?: number;
}

/** An observer behind the real decoder, and a clock that tests set: microseconds, from an hour on. */
export class Watching {
  nowUs = 3_600e6;
  readonly observer: Observer;
  readonly #templates = new PathTemplates();
  readonly #handler: ExchangeHandler;
  readonly #options = defaultHttpOptions();
  #connections = 0;

  constructor(names: readonly string[] = ['shop/web-1']) {
    this.observer = new Observer(this.#templates, { now: () => this.nowUs, toWallMs: (timeUs) => timeUs / 1000 + 1e12 });
    this.observer.configure(names.map((name, index) => ({ id: index + 1, name })));
    this.#handler = lookOn(this.observer, this.#templates);
  }

  connect({ address = '10.0.0.9', endpoint = 1, port = 8080 }: Client = {}): Connection {
    const info = { id: ++this.#connections, endpoint, clientAddress: address, clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: port };
    return new Connection(this, new HttpConnection(info, { mute() {} }, this.#handler, this.#options, newHttpCounters()));
  }

  /** One request on a connection of its own, and its answer. */
  exchange(target: string, { status = 200, method = 'GET', takesUs = 1000, ...client }: Client & { readonly status?: number; readonly method?: string; readonly takesUs?: number } = {}): void {
    const connection = this.connect(client).asks(target, method);
    this.nowUs += takesUs;
    connection.isAnswered(status).ends();
  }

  data(): ObserveData {
    return this.observer.data();
  }

  /** @throws where there is not exactly one */
  load(template: string, method = 'GET'): EndpointLoad {
    const found = this.data().endpoints.filter((load) => load.template === template && load.method === method);
    if (found.length !== 1) throw new Error(`${found.length} of ${method} ${template} in ${JSON.stringify(this.data().endpoints.map((load) => load.template))}`);
    return found[0]!;
  }
}

/** One connection; what is sent arrives now. */
export class Connection {
  readonly #watching: Watching;
  readonly #http: HttpConnection;

  constructor(watching: Watching, http: HttpConnection) {
    this.#watching = watching;
    this.#http = http;
  }

  asks(target: string, method = 'GET', body = ''): this {
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`;
    return this.client(`${method} ${target} HTTP/1.1\r\nhost: shop\r\n${length}\r\n${body}`);
  }

  isAnswered(status = 200, body = ''): this {
    return this.server(`HTTP/1.1 ${status} Said\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  }

  client(bytes: string | Buffer): this {
    return this.#send(TO_SERVER, bytes);
  }

  server(bytes: string | Buffer): this {
    return this.#send(TO_CLIENT, bytes);
  }

  /** So many bytes that the client sent were not captured. */
  misses(bytes: number): this {
    this.#http.onGap(TO_SERVER, bytes, this.#watching.nowUs);
    return this;
  }

  ends(reason: EndReason = 'fin'): void {
    this.#http.onEnd(reason, this.#watching.nowUs);
  }

  #send(direction: typeof TO_SERVER | typeof TO_CLIENT, bytes: string | Buffer): this {
    const data = Buffer.from(bytes as string, 'latin1');
    this.#http.onData(direction, data, 0, data.length, this.#watching.nowUs);
    return this;
  }
}

/** As in a worker's line. */
function lookOn(observer: Observer, templates: PathTemplates): ExchangeHandler {
  return {
    onRequestHead(exchange: Exchange) {
      exchange.sighting = new Sighting(exchange, templates);
      observer.onRequestHead(exchange);
      exchange.request!.dropHead();
    },
    onRequest() {},
    onRequestLost(exchange: Exchange, outcome: DecoderOutcome, reason: string) {
      observer.onRequestLost(exchange, outcome, reason);
    },
    onResponseHead(exchange: Exchange) {
      observer.onResponseHead(exchange);
      exchange.response!.dropHead();
    },
    onResponse: (exchange: Exchange) => observer.onResponse(exchange),
    onExchangeEnd: (exchange: Exchange) => observer.onExchangeEnd(exchange),
  };
}
