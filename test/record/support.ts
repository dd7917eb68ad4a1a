import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ExchangeRecord } from '../../src/record/record.ts';
import { replayCapture, type ReplayOptions } from '../../src/worker/replay.ts';

/** A folder that goes with the test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'shadowtap-record-'));

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(this.file(name), content);
    return this.file(name);
  }

  /** Names, oldest first. */
  names(): string[] {
    return readdirSync(this.path).sort();
  }

  sizes(): number[] {
    return this.names().map((name) => statSync(this.file(name)).size);
  }

  text(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

type Change<T> = { readonly [K in keyof T]?: T[K] };

/** A POST of two header lines with some content, answered by 200. */
export function record(request: Change<ExchangeRecord['request']> = {}, response: Change<NonNullable<ExchangeRecord['response']>> | null = {}): ExchangeRecord {
  const body = request.body === undefined ? Buffer.from('{"a": "ü"}') : request.body;
  const answer = response?.body === undefined ? Buffer.from([0, 255, 10, 13]) : response.body;
  return {
    policy: 'shop/next',
    client: { address: '10.0.0.1', port: 40_000 },
    server: { address: 'fd00::2', port: 8080 },
    request: {
      version: 'HTTP/1.1', authority: '', scheme: '', pseudo: [], method: 'POST', target: '/a/b?c=d&e=%20f',
      headers: ['Host', 'shop.example:81', 'X-Dup', '1', 'x-dup', 'caf\u00e9', 'Content-Length', String(body?.length ?? 0)],
      trailers: [], startMs: 1_700_000_000_000.123, endMs: 1_700_000_000_001.5, bodyLength: body?.length ?? 0, missing: null, ...request, body,
    },
    response: response === null ? null : {
      version: 'HTTP/1.1', status: 200, reason: 'OK', headers: ['Content-Length', String(answer?.length ?? 0), 'Set-Cookie', 'a=1; Path=/', 'Set-Cookie', 'b=2'],
      trailers: [], startMs: 1_700_000_000_002, endMs: 1_700_000_000_003.25, bodyLength: answer?.length ?? 0, missing: null, ...response, body: answer,
    },
  };
}

/** A call of gRPC and its answer, as it came over HTTP/2. */
export function call(request: Change<ExchangeRecord['request']> = {}, response: Change<NonNullable<ExchangeRecord['response']>> | null = {}): ExchangeRecord {
  const message = Buffer.from([0, 0, 0, 0, 3, 10, 1, 0xff]);
  return record(
    {
      version: 'HTTP/2', target: '/shop.v1.Checkout/PlaceOrder', authority: 'shop.example:81', scheme: 'http',
      pseudo: [':method', ':scheme', ':path', ':authority'],
      headers: ['content-type', 'application/grpc+proto', 'te', 'trailers', 'cookie', 'a=1', 'cookie', 'b=2', 'grpc-timeout', '1S', 'token-bin', 'AAE='],
      body: message, ...request,
    },
    response && { version: 'HTTP/2', reason: '', headers: ['content-type', 'application/grpc'], trailers: ['grpc-status', '5', 'grpc-message', 'no%20such'], body: message, ...response },
  );
}

export interface Line {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly outcome: string;
  readonly reason: string;
  readonly request: LineMessage & { readonly method: string; readonly target: string };
  readonly response: (LineMessage & { readonly status: number }) | null;
}

interface LineMessage {
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  readonly bodyLength: number;
  readonly bodySha256: string;
  readonly complete: boolean;
}

export interface Replayed {
  readonly lines: readonly Line[];
  readonly summary: string;
}

/** Replays a file: by default a dry run, as fast as possible. */
export async function replayed(capture: string, options: Change<ReplayOptions> = {}): Promise<Replayed> {
  const out = new PassThrough({ highWaterMark: 1 << 28 });
  const err = new PassThrough();
  await replayCapture({ capture, to: null, policies: null, speed: Infinity, ports: [], dryRun: true, out, err, ...options });
  const text = (out.read() as Buffer | null)?.toString() ?? '';
  return {
    lines: text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line),
    summary: (err.read() as Buffer).toString().replace(`${capture}: `, '').trim(),
  };
}
