import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { wrk } from '../support/clients.ts';
import { HOST } from '../support/network.ts';
import { quantile } from './statistics.ts';
import { HEADERS, type SteadyJob, type SteadyResult } from './traffic.ts';

export const CONNECTIONS = 32;
const PROGRAM = fileURLToPath(new URL('./load-process.ts', import.meta.url));

/** What clients do to a server. */
export type Load = SteadyLoad | FlatOutLoad;

export interface SteadyLoad extends Pick<SteadyJob, 'rate' | 'count' | 'bodyBytes'> {
  readonly kind: 'steady';
}

/** As fast as the server answers, with wrk. */
export interface FlatOutLoad {
  readonly kind: 'flat out';
  readonly seconds: number;
}

export interface LoadResult {
  readonly answered: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a steady load: Unix time at which request n was sent, milliseconds. */
  readonly sentAtMs: readonly number[];
}

export function nameOf(load: Load): string {
  if (load.kind === 'flat out') return 'GET flat out';
  const rate = `${load.rate.toLocaleString('en-US')}/s`;
  return load.bodyBytes === 0 ? `GET ${rate}` : `POST ${load.bodyBytes / 1024} KiB ${rate}`;
}

export async function apply(load: Load, host: string, port: number): Promise<LoadResult> {
  if (load.kind === 'flat out') {
    const headers = ['Host: shop.example', ...HEADERS];
    const { requests, requestsPerSecond, p50Ms, p99Ms, errors } = await wrk(HOST, `http://${host}:${port}/api/items/1`, {
      connections: CONNECTIONS, threads: 1, seconds: load.seconds, headers,
    });
    return { answered: requests, errors, perSecond: requestsPerSecond, p50Ms, p99Ms, sentAtMs: [] };
  }
  const { rate, count, bodyBytes } = load;
  const result = await steady({ host, port, rate, count, bodyBytes, connections: CONNECTIONS, patienceMs: 5_000 });
  const { answered, errors, seconds, latenciesMs, sentAtMs } = result;
  const unsent = count - answered;
  return {
    answered,
    errors: errors + unsent,
    perSecond: answered / seconds,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    sentAtMs,
  };
}

function steady(job: SteadyJob): Promise<SteadyResult> {
  return new Promise((resolve, reject) => {
    const child = fork(PROGRAM, [JSON.stringify(job)]);
    const kill = (): void => void child.kill('SIGKILL');
    process.on('exit', kill);
    let result: SteadyResult | null = null;
    child.on('message', (message) => (result = message as SteadyResult));
    child.on('exit', (code, signal) => {
      process.off('exit', kill);
      if (result === null) reject(new Error(`the load generator ended with ${signal ?? code}`));
      else resolve(result);
    });
  });
}
