import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOST } from '../support/network.ts';
import { succeeded } from '../support/process.ts';
import { quantile } from './statistics.ts';
import { HEADERS } from './traffic.ts';

const CONNECTIONS = 8;
const STREAMS = 8;

export interface H2Load {
  readonly count: number;
  /** Requests a second; null: as fast as they are answered. */
  readonly rate: number | null;
  /** Unary calls of gRPC, with a message of so many bytes; null: GETs with ten headers. */
  readonly messageBytes: number | null;
}

export interface H2Result {
  readonly answered: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Loads a server of HTTP/2 with h2load, eight connections of eight streams. @param message a file with the message of each call */
export async function h2load({ count, rate, messageBytes }: H2Load, url: string, message: string): Promise<H2Result> {
  const folder = await mkdtemp(join(tmpdir(), 'shadowtap-h2load-'));
  try {
    const log = join(folder, 'log');
    const fields = messageBytes === null ? HEADERS : ['content-type: application/grpc', 'te: trailers', 'grpc-timeout: 5S', 'user-agent: bench'];
    const load = HOST.start('h2load', [
      '-n', `${count}`, '-c', `${CONNECTIONS}`, '-m', `${STREAMS}`, `--log-file=${log}`,
      ...(rate === null ? [] : [`--rps=${rate / CONNECTIONS}`]),
      ...(messageBytes === null ? [] : ['-d', message]),
      ...fields.flatMap((field) => ['-H', field]),
      url,
    ]);
    const report = await succeeded('h2load', load.finished);
    const lines = (await readFile(log, 'latin1')).trim().split('\n').map((line) => line.split('\t'));
    const latenciesMs = lines.map(([, , us]) => Number(us) / 1000);
    const perSecond = Number(/([\d.]+) req\/s/.exec(report)?.[1]);
    return { answered: lines.length, perSecond, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
