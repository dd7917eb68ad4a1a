/** A load at a fixed rate. */
export interface SteadyJob {
  readonly host: string;
  readonly port: number;
  /** Requests a second. */
  readonly rate: number;
  readonly count: number;
  readonly connections: number;
  /** 0 sends GETs, more sends POSTs with contents of this length, each a different one. */
  readonly bodyBytes: number;
  /** How long after the last request was due its answer may come. */
  readonly patienceMs: number;
}

export interface SteadyResult {
  readonly sent: number;
  readonly answered: number;
  /** Answers other than 2xx, and connections that ended. */
  readonly errors: number;
  readonly seconds: number;
  /** From when a request was due to the end of its answer. */
  readonly latenciesMs: readonly number[];
  /** Unix time at which request n was sent, milliseconds. */
  readonly sentAtMs: readonly number[];
}

/** What every request carries besides Host: what a browser behind a proxy sends. */
export const HEADERS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Accept: text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8',
  'Accept-Language: en-US,en;q=0.5',
  'Accept-Encoding: gzip, deflate, br',
  'Cookie: session=4f1c7a90b3e24d6f; theme=dark',
  'X-Forwarded-For: 198.51.100.23',
  'X-Request-Id: 0b0f6a5e-6f0e-4b5e-9c7d-1f2e3d4c5b6a',
  'X-Tenant: acme',
  'Cache-Control: no-cache',
] as const;

const COMMON = ['Host: shop.example', ...HEADERS].join('\r\n');

export function targetOf(number: number): string {
  return `/api/items/${number}`;
}

export function headOf({ bodyBytes }: Pick<SteadyJob, 'bodyBytes'>, number: number): string {
  const target = targetOf(number);
  if (bodyBytes === 0) return `GET ${target} HTTP/1.1\r\n${COMMON}\r\n\r\n`;
  return `POST ${target} HTTP/1.1\r\n${COMMON}\r\nContent-Type: text/plain\r\nContent-Length: ${bodyBytes}\r\n\r\n`;
}

/** Content of request n: n and then text, so that no two are alike. */
export function bodyOf({ bodyBytes }: Pick<SteadyJob, 'bodyBytes'>, number: number): string {
  const start = `${number} `;
  const text = 'shadowtap '.repeat(Math.ceil(bodyBytes / 10));
  return start + text.slice(0, bodyBytes - start.length);
}
