import { createServer, type Server, type ServerResponse } from 'node:http';
import { ShadowtapError, messageOf } from '../errors.ts';

/** A page of the admin port. */
export interface AdminPage {
  readonly contentType: string;
  /** 200, or 503 where the page says that something is not as it should be. */
  readonly status: 200 | 503;
  readonly body: string;
}

/** What a page is asked. */
export interface AdminQuestion {
  readonly query: URLSearchParams;
}

export type AdminRoutes = Readonly<Record<string, (question: AdminQuestion) => AdminPage | Promise<AdminPage>>>;

/** Serves read-only pages to probes and scrapers. */
export class AdminServer {
  readonly #server: Server;

  constructor(routes: AdminRoutes) {
    this.#server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
      // Not `new URL`: it throws at some of what a client may send.
      const [path, query] = splitOnce(request.url ?? '/', '?');
      const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
      if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET is served\n');
      if (route === undefined) return send(response, 404, `no such page; there are ${Object.keys(routes).join(', ')}\n`);
      Promise.resolve()
        .then(() => route({ query: new URLSearchParams(query) }))
        .then((page) => send(response, page.status, page.body, page.contentType))
        .catch((error: unknown) => send(response, 500, `${messageOf(error)}\n`));
    });
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
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

function splitOnce(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
}

function send(response: ServerResponse, status: number, body: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
