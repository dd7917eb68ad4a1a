import { HttpConnection } from '../http/connection.ts';
import type { HttpCounters } from '../http/counters.ts';
import type { ExchangeHandler } from '../http/exchange.ts';
import type { HttpOptions } from '../http/message-reader.ts';
import { TO_CLIENT, TO_SERVER, type Direction } from '../tap/segment.ts';
import type { RawMessage } from './raw-message.ts';

/** `not-http`: it holds no HTTP request; `unpaired`: it is a response whose request did not come before it. */
export type Played = 'played' | 'not-http' | 'unpaired';

/** Requests that wait for their response; beyond it the oldest is taken to have none. */
const MAX_OPEN = 256;
/** Connections whose number is remembered. */
const MAX_FLOWS = 4096;
/** Nothing taps a recording. */
const CONTROL = { mute(): void {} };

interface Conversation {
  readonly connection: HttpConnection;
  lastUs: number;
}

/** Plays recorded messages to the HTTP decoder, each request with its response as a connection of its own. */
export class Player {
  readonly #handler: ExchangeHandler;
  readonly #options: HttpOptions;
  readonly #counters: HttpCounters;
  /** Oldest first. */
  readonly #open = new Map<string, Conversation>();
  /** The number of each recorded connection, so that its requests can be kept in order. */
  readonly #flows = new Map<string, number>();
  #nextFlow = 1;

  constructor(handler: ExchangeHandler, options: HttpOptions, counters: HttpCounters) {
    this.#handler = handler;
    this.#options = options;
    this.#counters = counters;
  }

  play(message: RawMessage): Played {
    return message.direction === TO_SERVER ? this.#request(message) : this.#response(message);
  }

  /** The recording is over: what waits for a response gets none. */
  close(): void {
    for (const id of [...this.#open.keys()]) this.#end(id);
  }

  #request(message: RawMessage): Played {
    const { conversation: id, client, server } = message;
    if (this.#open.has(id)) this.#end(id);
    const flow = {
      id: this.#flowOf(message),
      endpoint: 0,
      clientAddress: client.address,
      clientPort: client.port,
      serverAddress: server.address,
      serverPort: server.port,
    };
    const before = this.#counters.requests;
    const connection = new HttpConnection(flow, CONTROL, this.#handler, this.#options, this.#counters);
    this.#open.set(id, { connection, lastUs: 0 });
    this.#feed(id, message, TO_SERVER);
    const isHttp = this.#counters.requests > before;
    if (message.last || !isHttp) this.#end(id);
    else if (this.#open.size > MAX_OPEN) this.#end(this.#open.keys().next().value!);
    return isHttp ? 'played' : 'not-http';
  }

  #response(message: RawMessage): Played {
    const { conversation: id } = message;
    if (!this.#open.has(id)) return 'unpaired';
    this.#feed(id, message, TO_CLIENT);
    if (message.last) this.#end(id);
    return 'played';
  }

  #feed(id: string, { parts }: RawMessage, direction: Direction): void {
    const conversation = this.#open.get(id)!;
    for (const { bytes, timeUs } of parts) {
      conversation.lastUs = timeUs;
      conversation.connection.onData(direction, bytes, 0, bytes.length, timeUs);
    }
    conversation.connection.onFin(direction, conversation.lastUs);
  }

  #end(id: string): void {
    const { connection, lastUs } = this.#open.get(id)!;
    this.#open.delete(id);
    connection.onEnd('fin', lastUs);
  }

  /** Without ports nothing says which requests shared a connection. */
  #flowOf({ client, server }: RawMessage): number {
    if (client.port === 0) return this.#nextFlow++;
    const name = `${client.address} ${client.port} ${server.address} ${server.port}`;
    const known = this.#flows.get(name);
    if (known !== undefined) return known;
    if (this.#flows.size >= MAX_FLOWS) this.#flows.clear();
    this.#flows.set(name, this.#nextFlow);
    return this.#nextFlow++;
  }
}
