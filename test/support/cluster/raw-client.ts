import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import { parse } from 'yaml';
import type { JsonObject, KubeObject } from './objects.ts';

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** The body, if it is JSON; else empty. */
  readonly json: JsonObject;
}

export interface RawRequest {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }];
  readonly users: readonly [
    { readonly user: { readonly token?: string; readonly 'client-certificate-data'?: string; readonly 'client-key-data'?: string } },
  ];
}

/** A client that hides nothing: what a test sends is what goes out, and what comes back is what it sees. */
export class RawClient implements AsyncDisposable {
  readonly url: string;
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;

  /** @param token instead of the one in the file */
  constructor(kubeconfig: string, token?: string) {
    const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
    const { token: own, 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
    const bearer = token ?? own;
    const identity = bearer === undefined && cert !== undefined && key !== undefined ? { cert: decoded(cert), key: decoded(key) } : {};
    this.url = server;
    this.#headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    this.#agent = new Agent({ connect: { ca: decoded(ca), ...identity }, allowH2: false });
  }

  async request(method: string, path: string, options: RawRequest = {}): Promise<RawAnswer> {
    const { statusCode, headers, body } = await this.#send(method, path, options);
    const text = await body.text();
    return { status: statusCode, headers, text, json: parsed(text) };
  }

  get(path: string): Promise<RawAnswer> {
    return this.request('GET', path);
  }

  async watch(path: string): Promise<WatchReader> {
    const { statusCode, body } = await this.#send('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`, {});
    return new WatchReader(statusCode, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  #send(method: string, path: string, { body, contentType = 'application/json', headers }: RawRequest): Promise<Dispatcher.ResponseData> {
    const all = { ...this.#headers, ...(body !== undefined && { 'content-type': contentType }), ...headers };
    const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
    return request(this.url + path, { method: method as 'GET', headers: all, body: text, dispatcher: this.#agent });
  }
}

export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly reason?: string };
}

/** Reads a watch event by event. */
export class WatchReader implements AsyncDisposable {
  readonly status: number;
  readonly #body: Dispatcher.ResponseData['body'];
  readonly #lines: AsyncGenerator<string>;
  /** Everything that came, for when it is no JSON. */
  text = '';

  constructor(status: number, body: Dispatcher.ResponseData['body']) {
    this.status = status;
    this.#body = body;
    this.#lines = this.#read();
  }

  /** @returns the next event, of any type but bookmarks unless they are wanted; null at the end. @throws if the connection breaks */
  async next(withBookmarks = false): Promise<WatchEvent | null> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return null;
      const event = JSON.parse(value) as WatchEvent;
      if (withBookmarks || event.type !== 'BOOKMARK') return event;
    }
  }

  /** @returns the next events, each as `TYPE name` */
  async take(count: number): Promise<string[]> {
    const events: string[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === null) throw new Error(`the watch ended after ${events.join(', ') || 'nothing'}`);
      events.push(`${event.type} ${event.object.metadata.name}`);
    }
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#body.on('error', () => undefined);
    this.#body.destroy();
    await this.#lines.return(undefined).catch(() => undefined);
  }

  async *#read(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of this.#body as AsyncIterable<Buffer>) {
      const text = decoder.decode(chunk, { stream: true });
      this.text += text;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  }
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
