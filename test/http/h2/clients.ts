import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
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
  const text = `${missing.join(', ')} not installed (Debian: nghttp2-client, nghttp2-server, curl)`;
  if (process.env['CI'] === 'true') throw new Error(text);
  console.error(`skipped: ${text}`);
  return false;
}
