import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultAnswer } from '../faults.ts';
import type { KubeObject } from '../objects.ts';
import type { Pki } from '../pki.ts';
import { Answer, type LoggedRequest } from './answer.ts';
import { type AllowedRequest, Api } from './api.ts';
import { Authenticator } from './authentication.ts';
import { Authorizer } from './authorization.ts';
import { bootstrapObjects } from './bootstrap.ts';
import { Clock } from './clock.ts';
import { certificateOf, Listener } from './listener.ts';
import { Lists } from './lists.ts';
import { PodProxy } from './pod-proxy.ts';
import { Registry } from './registry.ts';
import { parseRequest, type RequestInfo } from './request.ts';
import { headersOf, respond } from './respond.ts';
import { ApiError } from './status.ts';
import { Store } from './store.ts';
import { TestFaults } from './test-faults.ts';
import { Tokens } from './tokens.ts';
import { Watches } from './watches.ts';
import { Writes } from './writes.ts';

export interface TestServerOptions {
  /** How often watches get bookmarks, in ms; a minute, as in kube-apiserver, by default. */
  readonly bookmarkMs?: number;
  /** Writes new tokens where the old ones lie. */
  readonly rotateTokens: () => Promise<void>;
}

const MAX_BODY_BYTES = 3 << 20;

/** The test API server: puts the parts together, and takes each request through log, faults, authentication and authorisation. */
export class TestServer implements AsyncDisposable {
  readonly faults: TestFaults;
  readonly #listener: Listener;
  readonly #watches: Watches;
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;
  readonly #api: Api;
  readonly #clock = new Clock();

  constructor(pki: Pki, options: TestServerOptions) {
    const clock = this.#clock;
    const [store, registry, tokens, proxy] = [new Store(), new Registry(), new Tokens(), new PodProxy()];
    const writes = new Writes(store, registry, clock);
    const lists = new Lists(store);
    const watches = new Watches(store, clock, options.bookmarkMs ?? 60_000);
    const authorizer = new Authorizer(store);
    this.#watches = watches;
    this.#authorizer = authorizer;
    this.#authenticator = new Authenticator(store, tokens, clock);
    this.#api = new Api({ store, registry, writes, lists, watches, authorizer, tokens, clock, proxy });
    this.#listener = new Listener(pki.server, pki.ca, (request, response) => void this.#take(request, response));
    const load = (objects: Iterable<KubeObject>): void => {
      for (const object of objects)
        writes.load(registry.of(object), object, { manager: 'kube-apiserver', subresource: '', dryRun: false, strict: false });
    };
    load(bootstrapObjects());
    this.faults = new TestFaults({
      listener: this.#listener,
      store,
      lists,
      watches,
      tokens,
      clock,
      proxy,
      load,
      rotateTokens: options.rotateTokens,
    });
  }

  async open(): Promise<void> {
    await this.#listener.open();
  }

  get port(): number {
    return this.#listener.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults.close();
    this.#watches.close();
    await this.#listener.close();
  }

  async #take(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = message.socket.remotePort ?? 0;
    const answer = new Answer(response, logEntry(message, connection), () => this.#listener.reset(connection));
    this.faults.saw(answer);
    try {
      const body = await readBody(message);
      const request = this.#admit(message, answer, body);
      if (request !== null) await this.#api.handle(request);
    } catch (error) {
      await this.#fail(answer, message, error);
    }
  }

  /** @returns null where a fault answers, or nobody does */
  #admit(message: IncomingMessage, answer: Answer, body: string): AllowedRequest | null {
    const info = parseRequest(message.method ?? 'GET', message.url ?? '/');
    note(answer.request, info);
    const user = this.#authenticator.userOf(message.headers, certificateOf(message));
    answer.request.user = user.name;
    const fault = this.faults.trap(answer);
    if (fault === 'hang') return null;
    if (fault !== null) {
      void this.#sendFault(answer, message, fault);
      return null;
    }
    this.#authorizer.require(user, info.isResource ? info : { verb: info.verb, path: info.path });
    return { info, user, message, answer, body };
  }

  #sendFault(answer: Answer, message: IncomingMessage, { status, reason, retryAfter, body }: FaultAnswer): Promise<void> {
    const error = new ApiError(status, reason ?? REASONS[status] ?? 'Unknown', `made to fail with ${status}`, {
      ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    });
    const type = body === undefined ? 'application/json' : 'text/html';
    const headers = { ...headersOf(this.#clock, type), ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
    return respond(answer, message.headers, status, headers, body ?? JSON.stringify(error.body));
  }

  async #fail(answer: Answer, message: IncomingMessage, error: unknown): Promise<void> {
    if (answer.isClosed) return;
    const known =
      error instanceof ApiError
        ? error
        : new ApiError(500, 'InternalError', `Internal error occurred: ${error instanceof Error ? error.stack : String(error)}`);
    const retryAfter = known.details?.retryAfterSeconds;
    const headers = { ...headersOf(this.#clock), ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
    await respond(answer, message.headers, known.code, headers, JSON.stringify(known.body));
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function logEntry(message: IncomingMessage, connection: number): LoggedRequest {
  const what = { verb: (message.method ?? '').toLowerCase(), resource: '', subresource: '', namespace: '', name: '', user: '' };
  return { ...what, target: message.url ?? '', status: 0, at: Date.now(), connection };
}

function note(request: LoggedRequest, { verb, plural, subresource, namespace, name }: RequestInfo): void {
  Object.assign(request, { verb, resource: plural, subresource, namespace, name });
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new ApiError(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728');
  }
  return Buffer.concat(chunks).toString();
}
