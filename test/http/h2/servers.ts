import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Relay } from '../../support/relay.ts';
import { Running } from '../../support/process.ts';
import { digest } from './collector.ts';

/** A request as the server got it. */
export interface Served {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Name, value: in the order of the wire, pseudo-headers left out. */
  readonly headers: readonly string[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  readonly bodyLength: number;
}

/** A server of Node's that writes down what it gets, and answers with as many bytes as `x-answer` asks for. */
export class RecordingServer implements AsyncDisposable {
  readonly served: Served[] = [];
  readonly #server: Http2Server = createServer({ maxSendHeaderBlockLength: 1 << 20 });

  static async start(): Promise<RecordingServer> {
    const recording = new RecordingServer();
    recording.#server.on('stream', (stream, headers, _flags, raw) => recording.#serve(stream, headers, raw as unknown as string[]));
    recording.#server.listen(0, '127.0.0.1');
    await once(recording.#server, 'listening');
    return recording;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const chunks: Buffer[] = [];
    let trailers: IncomingHttpHeaders = {};
    stream.on('error', () => {});
    stream.on('trailers', (fields) => (trailers = fields));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const body = Buffer.concat(chunks);
      this.served.push({
        method: headers[':method'] as string,
        path: headers[':path'] as string,
        authority: headers[':authority'] as string,
        headers: withoutPseudo(raw),
        trailers,
        body: digest(body),
        bodyLength: body.length,
      });
      const length = Number(headers['x-answer'] ?? 2);
      stream.respond({ ':status': 200, 'content-type': 'text/plain', 'x-server': 'node' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': String(length) }));
      stream.end(Buffer.alloc(length, 'y'));
    });
  }
}

function withoutPseudo(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) if (!raw[i]!.startsWith(':')) headers.push(raw[i]!, raw[i + 1]!);
  return headers;
}

/** Whether these commands are there; says so where not, and with CI=true that is an error. */
export function requireCommands(...commands: readonly string[]): boolean {
  const missing = commands.filter((command) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0);
  if (missing.length === 0) return true;
  const text = `${missing.join(', ')} not installed (Debian: nghttp2-client, nghttp2-server, nghttp2-proxy, curl)`;
  if (process.env['CI'] === 'true') throw new Error(text);
  console.error(`skipped: ${text}`);
  return false;
}

/** A server that others brought along. */
export class CommandServer implements AsyncDisposable {
  readonly port: number;
  readonly #commands: readonly Running[];

  constructor(port: number, commands: readonly Running[]) {
    this.port = port;
    this.#commands = commands;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const command of this.#commands) await command.stop();
  }
}

/** nghttp2's server: HTTP/2 by prior knowledge only; nothing that it is asked for is there. */
export async function startNghttpd(): Promise<CommandServer> {
  const port = await freePort();
  const nghttpd = new Running(['nghttpd', '--no-tls', '--address=127.0.0.1', '-d', '/usr', String(port)]);
  return new CommandServer(await reachable(port), [nghttpd]);
}

/** nghttp2's proxy in front of it, which takes upgrades from HTTP/1.1. */
export async function startNghttpx(): Promise<AsyncDisposable & { readonly port: number }> {
  const [port, backend] = [await freePort(), await freePort()];
  const nghttpd = new Running(['nghttpd', '--no-tls', '--address=127.0.0.1', '-d', '/usr', String(backend)]);
  await reachable(backend);
  const frontend = `--frontend=127.0.0.1,${port};no-tls`;
  const nghttpx = new Running(['nghttpx', frontend, `--backend=127.0.0.1,${backend};;proto=h2`, '--workers=1', '--errorlog-file=/dev/null', '--no-ocsp']);
  return new CommandServer(await reachable(port), [nghttpx, nghttpd]);
}

async function freePort(): Promise<number> {
  await using relay = await Relay.start(1);
  return relay.port;
}

/** Waits until someone listens. */
async function reachable(port: number): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
    socket.destroy();
    if (open) return port;
    await sleep(20);
  }
  throw new Error(`nobody listens on port ${port}`);
}
