import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ShadowtapError, messageOf } from '../errors.ts';
import { EventStream } from './event-stream.ts';
import { Gate, isLoopback } from './gate.ts';
import { login } from './login.ts';

/** A page of the admin port. */
export interface AdminPage {
  readonly contentType: string;
  /** 200, or 503 where the page says that something is not as it should be. */
  readonly status: 200 | 401 | 403 | 404 | 503;
  readonly body: string;
}

/** An answer that goes on: events are sent to the listener until he leaves. */
export interface AdminStream {
  readonly listen: (listener: EventStream) => void;
}

/** What a page is asked. */
export interface AdminQuestion {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The viewer may see values of the traffic, see `Gate`. Others get names and counts. */
  readonly trusted: boolean;
}

export type AdminRoute = (question: AdminQuestion) => AdminPage | AdminStream | Promise<AdminPage>;
/** By path; one that ends in `/*` stands for all below it that have no route of their own. */
export type AdminRoutes = Readonly<Record<string, AdminRoute>>;

/** Where the login form is sent to. */
const LOGIN = '/login';
/** Listeners to events at the same time. */
const MOST_LISTENERS = 16;
/** Pages in the making, or not taken yet, at the same time: some have megabytes, and who asks need not read. */
const MOST_ANSWERS = 24 + MOST_LISTENERS;
/** Small, and answered however many ask for others: who does not get them ends the process. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);
const MOST_CONNECTIONS = 1_024;
/** Of a connection on which nothing moves. */
const IDLE_MS = 30_000;

/**
 * With every answer: a browser runs nothing but our own scripts, lets them make markup of their templates alone (Trusted Types),
 * asks nobody else, shows us in nobody's frame (CSP level 3), takes content for what it is declared to be, and keeps nothing.
 */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types lit-html",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
};

const REFUSALS = {
  wrong: [401, 'this is not the token\n'],
  locked: [429, 'too many wrong tokens; try again in a minute\n'],
  busy: [503, 'too many pages are asked for at the same time; try again\n'],
  unreadable: [400, 'send a form with the field token\n'],
} as const;

/** Serves read-only pages to probes, scrapers and people. */
export class AdminServer {
  readonly #server: Server;
  readonly #routes: AdminRoutes;
  readonly #gate: Gate;
  #loopbackOnly = false;
  #listeners = 0;
  #answers = 0;
  /** Connections with a question that has no answer yet. */
  readonly #asking = new WeakSet<Socket>();

  /** @param gate tells who may see values; without one, who is on this machine */
  constructor(routes: AdminRoutes, gate: Gate = new Gate(null)) {
    this.#routes = routes;
    this.#gate = gate;
    this.#server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000, connectionsCheckingInterval: 5_000 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else send(response, 500, `${messageOf(error)}\n`);
      });
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.setTimeout(IDLE_MS);
  }

  /**
   * @param port 0 for any free port
   * @returns the port
   * @throws ShadowtapError LISTEN
   */
  async listen(host: string, port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, host, resolve);
    try {
      await promise;
    } catch (cause) {
      const remedy = 'choose another address with --admin host:port';
      throw new ShadowtapError('LISTEN', `cannot open the admin port ${host}:${port} (${messageOf(cause)}): ${remedy}`, { cause });
    }
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) return port;
    this.#loopbackOnly = isLoopback(address.address);
    return address.port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Not `new URL`: it throws at some of what a client may send.
    const [path, query] = splitOnce(request.url ?? '/', '?');
    if (request.method === 'POST' && path === LOGIN && this.#gate.hasToken) return this.#login(request, response);
    const route = this.#routeOf(path);
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET is served\n');
    if (route === undefined) return send(response, 404, `no such page; there are ${Object.keys(this.#routes).join(', ')}\n`);
    const judgement = this.#gate.judge(request, this.#loopbackOnly);
    if (judgement === 'locked') return this.#refuse(response, 'locked');
    if (!this.#begin(path, request, response)) return this.#refuse(response, 'busy');
    const answer = await route({ path, query: new URLSearchParams(query), trusted: judgement === 'trusted' });
    if ('listen' in answer) this.#stream(request, response, answer);
    else send(response, answer.status, answer.body, answer.contentType);
  }

  /** @returns false where there is too much under way; of several questions on one connection (pipelining) the first is answered */
  #begin(path: string, { socket }: IncomingMessage, response: ServerResponse): boolean {
    if (PROBES.has(path)) return true;
    if (this.#asking.has(socket) || this.#answers >= MOST_ANSWERS) return false;
    this.#asking.add(socket);
    this.#answers += 1;
    response.once('close', () => {
      this.#asking.delete(socket);
      this.#answers -= 1;
    });
    return true;
  }

  #routeOf(path: string): AdminRoute | undefined {
    const slash = path.indexOf('/', 1);
    const keys = slash < 0 ? [path] : [path, `${path.slice(0, slash)}/*`];
    return keys.flatMap((key) => (Object.hasOwn(this.#routes, key) ? this.#routes[key]! : []))[0];
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const result = await login(request, this.#gate);
    if ('refused' in result) return this.#refuse(response, result.refused);
    // Relative, for whoever looks through a proxy that puts a path before ours.
    response.writeHead(303, { ...SECURITY_HEADERS, location: './', 'set-cookie': result.cookie, 'content-length': 0 });
    response.end();
  }

  #refuse(response: ServerResponse, why: keyof typeof REFUSALS): void {
    const [status, text] = REFUSALS[why];
    // What has not been read of the request is not waited for.
    send(response, status, text, undefined, { connection: 'close' });
  }

  #stream(request: IncomingMessage, response: ServerResponse, { listen }: AdminStream): void {
    if (this.#listeners >= MOST_LISTENERS) return send(response, 503, `${MOST_LISTENERS} listeners are here already; close another page\n`);
    response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream' });
    if (request.method === 'HEAD') return void response.end();
    response.flushHeaders();
    this.#listeners += 1;
    response.once('close', () => (this.#listeners -= 1));
    listen(new EventStream(response));
  }
}

function splitOnce(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8', headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...SECURITY_HEADERS, ...headers, 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
