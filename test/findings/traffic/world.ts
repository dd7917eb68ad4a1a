import type { FindingsData } from '../../../src/findings/data.ts';
import { Watchman, type WatchmanOptions } from '../../../src/findings/watchman.ts';
import { HttpConnection } from '../../../src/http/connection.ts';
import { newHttpCounters } from '../../../src/http/counters.ts';
import type { Exchange, ExchangeHandler } from '../../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../../src/http/message-reader.ts';
import { Sighting } from '../../../src/observe/sighting.ts';
import { PathTemplates } from '../../../src/sketch/path-templates.ts';
import { TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';

/** A request and its answer, at a time of the simulated day. */
export interface Event {
  /** Seconds. */
  readonly at: number;
  readonly client: string;
  /** 1 or 2. */
  readonly endpoint: number;
  /** Bytes of the client, latin-1. */
  readonly request: string;
  /** Bytes of the server; empty where it says nothing. */
  readonly response: string;
  /** A connection of its own. */
  readonly alone?: boolean;
}

export const ENDPOINTS: ReadonlyMap<number, string> = new Map([
  [1, 'shop/web'],
  [2, 'shop/api'],
]);

const CONTROL = { mute() {} };
/** Day zero of the simulated clock, microseconds. */
const START_US = 1_000_000_000;

/** Sighted as a worker does it, and looked at by a watchman: exchanges out of bytes, at simulated times. */
export class World {
  readonly watchman: Watchman;
  readonly #templates = new PathTemplates();
  readonly #connections = new Map<string, HttpConnection>();
  readonly #handler: ExchangeHandler;
  readonly #counters = newHttpCounters();
  #flows = 0;
  requests = 0;

  constructor(options: Partial<WatchmanOptions> = {}) {
    this.watchman = new Watchman({ toWallMs: (us) => us / 1000, fold: (template) => this.#templates.of(template), ...options });
    this.watchman.configure(Array.from(ENDPOINTS, ([id, name]) => ({ id, name, observed: [] })));
    const { watchman } = this;
    const sight = (exchange: Exchange): void => {
      if (exchange.request !== null) exchange.sighting ??= new Sighting(exchange, this.#templates);
    };
    this.#handler = {
      onRequestHead(exchange) {
        sight(exchange);
        watchman.onRequestHead(exchange);
      },
      onRequest: (exchange) => exchange.request!.dropHead(),
      onRequestLost(exchange, outcome, reason) {
        sight(exchange);
        watchman.onRequestLost(exchange, outcome, reason);
      },
      onResponseHead: (exchange) => watchman.onResponseHead(exchange),
      onResponse() {},
      onExchangeEnd() {},
    };
  }

  play(events: readonly Event[]): void {
    for (const event of events) this.exchange(event);
  }

  exchange({ at, client, endpoint, request, response, alone = false }: Event): void {
    this.requests += 1;
    const key = `${endpoint} ${client}`;
    const connection = (alone ? undefined : this.#connections.get(key)) ?? this.#connect(client, endpoint);
    if (!alone) this.#connections.set(key, connection);
    const timeUs = START_US + Math.round(at * 1e6);
    send(connection, TO_SERVER, request, timeUs);
    if (response !== '') send(connection, TO_CLIENT, response, timeUs + 3_000);
    if (alone) connection.onEnd('fin', timeUs + 4_000);
  }

  data(): FindingsData {
    return this.watchman.data();
  }

  #connect(clientAddress: string, endpoint: number): HttpConnection {
    const flow = { id: ++this.#flows, endpoint, clientAddress, clientPort: 40_000, serverAddress: '10.1.0.1', serverPort: 8080 };
    return new HttpConnection(flow, CONTROL, this.#handler, defaultHttpOptions(), this.#counters);
  }
}

function send(connection: HttpConnection, direction: typeof TO_SERVER | typeof TO_CLIENT, text: string, timeUs: number): void {
  const bytes = Buffer.from(text, 'latin1');
  connection.onData(direction, bytes, 0, bytes.length, timeUs);
}

export type Headers = Readonly<Record<string, string>>;

/** A request of HTTP/1.1. */
export function request(method: string, target: string, headers: Headers = {}, body = ''): string {
  const fields: Headers = { Host: 'shop.example.com', ...headers, ...(body !== '' || method === 'POST' || method === 'PUT' ? { 'Content-Length': String(body.length) } : {}) };
  return `${method} ${target} HTTP/1.1\r\n${Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** An answer without content. */
export function response(status: number, headers: Headers = {}): string {
  const length: Headers = status === 204 || status === 304 ? {} : { 'Content-Length': '0' };
  return `HTTP/1.1 ${status} Status\r\n${Object.entries({ ...length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** The same numbers for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 to 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Time until the next of events that come `perSecond` (Poisson). */
  wait(perSecond: number): number {
    return -Math.log(1 - this.next()) / perSecond;
  }

  hex(length: number): string {
    return Array.from({ length }, () => '0123456789abcdef'[this.below(16)]).join('');
  }

  word(length: number): string {
    return Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz'[this.below(26)]).join('');
  }
}
