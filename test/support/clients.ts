import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './network.ts';

/** What curl tells of a request. */
export interface CurlResult {
  readonly status: number;
  readonly body: string;
}

/** Sends one request with curl. @throws when there is no whole answer */
export async function curl(place: Place, url: string, ...args: string[]): Promise<CurlResult> {
  const output = await place.exec('curl', '--silent', '--show-error', '--globoff', '--write-out', '\n%{http_code}', ...args, url);
  const end = output.lastIndexOf('\n');
  return { status: Number(output.slice(end + 1)), body: output.slice(0, end) };
}

export interface WrkOptions {
  readonly connections?: number;
  readonly threads?: number;
  readonly seconds?: number;
  /** Path of a Lua script. */
  readonly script?: string;
  readonly headers?: readonly string[];
}

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with a status of 400 or more, and errors of connecting, reading, writing, time-outs. */
  readonly errors: number;
}

/** Loads a server with wrk. */
export async function wrk(place: Place, url: string, options: WrkOptions = {}): Promise<WrkResult> {
  const { connections = 8, threads = 1, seconds = 1, script, headers = [] } = options;
  const output = await place.exec(
    'wrk', '--latency', `-c${connections}`, `-t${threads}`, `-d${seconds}s`,
    ...(script === undefined ? [] : ['-s', script]), ...headers.flatMap((header) => ['-H', header]), withPort(url),
  );
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0);
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  return {
    requests: number(/(\d+) requests in/),
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(output)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(output)?.[1]),
    errors: number(/Non-2xx or 3xx responses: (\d+)/) + socketErrors.reduce((sum, count) => sum + Number(count), 0),
  };
}

/** wrk looks up the port of a URL without one in /etc/services, which a small system does not have. */
function withPort(url: string): string {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  return `${protocol}//${hostname}:${port || (protocol === 'https:' ? '443' : '80')}${pathname}${search}`;
}

function milliseconds(text: string | undefined): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? '') ?? [];
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit ?? ''];
  return factor === undefined ? Number.NaN : Number(value) * factor;
}

/** Opens a connection from the host whose bytes the test chooses. */
export async function connect(host: string, port: number): Promise<RawClient> {
  const socket = connectSocket({ host, port, noDelay: true, allowHalfOpen: true });
  await once(socket, 'connect');
  return new RawClient(socket);
}

/** A TCP connection; each piece that is sent leaves in packets of its own. Disposing of it resets it. */
export class RawClient implements AsyncDisposable {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => (this.#received = Buffer.concat([this.#received, chunk])));
    socket.on('close', () => (this.#ended = true));
    socket.on('end', () => (this.#ended = true));
    socket.on('error', () => (this.#ended = true)); // The peer reset the connection: a test sees that nothing comes.
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Sends the pieces one by one. */
  async send(pieces: Uint8Array | string | readonly (Uint8Array | string)[], pauseMs = 0): Promise<void> {
    const list = typeof pieces === 'string' || pieces instanceof Uint8Array ? [pieces] : pieces;
    for (const piece of list) {
      await new Promise<void>((resolve, reject) => this.#socket.write(piece, (error) => (error ? reject(error) : resolve())));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  /** Sends byte after byte. */
  async sendSlowly(text: string, pauseMs = 1): Promise<void> {
    await this.send(text.split(''), pauseMs);
  }

  /**
   * Waits until what has arrived contains the text, or so many bytes.
   * @returns all that has arrived since the last call; it is taken out
   * @throws when the connection ends or the time is over before
   */
  async receive(until: string | number, timeoutMs = 5_000): Promise<Buffer> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#contains(until)) {
      const got = `got ${this.#received.length} bytes`;
      if (this.#ended) throw new Error(`the connection ended before ${JSON.stringify(until)} came: ${got}`);
      if (Date.now() > deadline) throw new Error(`${JSON.stringify(until)} did not come within ${timeoutMs} ms: ${got}`);
      await sleep(2);
    }
    const result = this.#received;
    this.#received = Buffer.alloc(0);
    return result;
  }

  /** Waits for the peer's end of the connection. @returns what has arrived since the last call */
  async receiveAll(timeoutMs = 5_000): Promise<Buffer> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#ended) {
      if (Date.now() > deadline) throw new Error(`the peer did not end the connection within ${timeoutMs} ms`);
      await sleep(2);
    }
    return this.#received;
  }

  /** Half-closes: we send no more. */
  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#socket.destroyed) this.reset();
  }

  #contains(until: string | number): boolean {
    return typeof until === 'number' ? this.#received.length >= until : this.#received.includes(until);
  }
}
