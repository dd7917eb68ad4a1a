import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExchangeLine, MessageLine } from '../../src/worker/exchange-printer.ts';

/** A message as the oracle has it; see the corpus' own README. */
export interface OracleMessage {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly method?: string;
  readonly target?: string;
  readonly status?: number;
  readonly version: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body_length: number;
  readonly body_sha256: string;
  readonly disputed: boolean;
  readonly dispute_reason?: string;
  readonly end_frame?: number;
}

export interface Oracle {
  readonly requests: readonly OracleMessage[];
  readonly responses: readonly OracleMessage[];
  readonly h2: readonly OracleStream[];
}

export interface CorpusEntry {
  readonly file: string;
  readonly oracle: string;
}

export function corpusFolder(): string {
  const root = process.env['SHADOWTAP_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus');
  return join(root, 'dev');
}

/** null where the corpus is not on this machine. */
export function readIndex(): readonly CorpusEntry[] | null {
  const path = join(corpusFolder(), 'index.json');
  if (!existsSync(path)) return null;
  return (JSON.parse(readFileSync(path, 'utf8')) as { index: CorpusEntry[] }).index;
}

export function readOracle(entry: CorpusEntry): Oracle {
  return JSON.parse(readFileSync(join(corpusFolder(), entry.oracle), 'utf8')) as Oracle;
}

/** `http-evader` for the family of that name, else the folder. */
export function familyOf(file: string): string {
  const [folder = '', name = ''] = file.split('/');
  return name.startsWith('http-evader') ? 'http-evader' : folder;
}

/** What is compared of a message, as one string. */
export function signature(message: OracleMessage): string {
  const { method, target, status, version, headers, body_length, body_sha256 } = message;
  return JSON.stringify([method ?? null, target ?? null, status ?? null, version, headers, body_length, body_sha256]);
}

/** Our lines of HTTP/1.x in the oracle's terms: who sent it, and its signature; in the order of the connection. */
export function ourMessages(lines: readonly ExchangeLine[]): { requests: OracleMessage[]; responses: OracleMessage[] } {
  const requests: OracleMessage[] = [];
  const responses: OracleMessage[] = [];
  for (const line of lines) {
    const { src, sport, dst, dport } = line;
    if (line.request !== null && line.request.version !== 'HTTP/2') {
      const { method, target } = line.request;
      requests.push({ src, sport, dst, dport, method, target, ...common(line.request) });
    }
    if (line.response !== null && line.response.version !== 'HTTP/2') {
      const { status } = line.response;
      responses.push({ src: dst, sport: dport, dst: src, dport: sport, status, ...common(line.response) });
    }
  }
  return { requests, responses };
}

function common(message: MessageLine): Pick<OracleMessage, 'version' | 'headers' | 'body_length' | 'body_sha256' | 'disputed'> {
  const { version, headers, bodyLength, bodySha256 } = message;
  return { version, headers, body_length: bodyLength, body_sha256: bodySha256, disputed: false };
}

export interface Comparison {
  readonly agreed: number;
  readonly missing: readonly OracleMessage[];
  /** Ours that no entry of the oracle, disputed or not, accounts for. */
  readonly extra: readonly OracleMessage[];
}

/** Finds each undisputed message among ours: by 4-tuple, in order within one direction of a connection. */
export function compare(oracle: readonly OracleMessage[], ours: readonly OracleMessage[]): Comparison {
  const byFlow = new Map<string, OracleMessage[]>();
  for (const message of ours) {
    const list = byFlow.get(flowOf(message));
    if (list === undefined) byFlow.set(flowOf(message), [message]);
    else list.push(message);
  }
  const next = new Map<string, number>();
  const used = new Set<OracleMessage>();
  const missing: OracleMessage[] = [];
  let agreed = 0;
  for (const wanted of oracle) {
    if (wanted.disputed) continue;
    const list = byFlow.get(flowOf(wanted)) ?? [];
    const text = signature(wanted);
    const at = list.findIndex((message, i) => i >= (next.get(flowOf(wanted)) ?? 0) && signature(message) === text);
    if (at < 0) {
      missing.push(wanted);
      continue;
    }
    next.set(flowOf(wanted), at + 1);
    used.add(list[at]!);
    agreed++;
  }
  const disputed = new Map<string, number>();
  for (const message of oracle) if (message.disputed) count(disputed, flowOf(message), 1);
  const extra = ours.filter((message) => {
    if (used.has(message)) return false;
    const left = disputed.get(flowOf(message)) ?? 0;
    if (left > 0) disputed.set(flowOf(message), left - 1);
    return left === 0;
  });
  return { agreed, missing, extra };
}

/** IPv6 packets between IPv4-mapped addresses have the addresses of IPv4 for us. */
function flowOf({ src, sport, dst, dport }: Pick<OracleMessage, 'src' | 'sport' | 'dst' | 'dport'>): string {
  return `${src} ${sport} ${dst} ${dport}`.replaceAll('::ffff:', '');
}

export function count(map: Map<string, number>, key: string, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}

/** One direction of one HTTP/2 stream, as the oracle has it. */
export interface OracleStream {
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly h2_stream: number;
  readonly blocks: readonly { readonly kind: string; readonly headers: readonly (readonly [string, string])[] | null }[];
  readonly data_length: number;
  readonly data_sha256: string;
  readonly end_stream: boolean;
  readonly disputed: boolean;
}

/** What is compared of a message of HTTP/2: of one that is cut its head, else all of it. */
function streamSignature(headers: unknown, trailers: unknown, isWhole: boolean, length: number, sha256: string): string {
  return JSON.stringify(isWhole ? [headers, trailers, length, sha256] : [headers]);
}

export interface StreamComparison {
  readonly agreed: number;
  readonly missing: readonly OracleStream[];
}

/** Finds each undisputed stream's direction among our messages of HTTP/2. Pushed streams are not ours to report. */
export function compareStreams(oracle: readonly OracleStream[], lines: readonly ExchangeLine[]): StreamComparison {
  const ours = new Map<string, string[]>();
  for (const { src, sport, dst, dport, request, response } of lines) {
    const add = (key: string, message: MessageLine, headers: MessageLine['headers']): void => {
      const known = ours.get(key) ?? [];
      ours.set(key, known);
      const { trailers, bodyLength, bodySha256 } = message;
      known.push(streamSignature(headers, trailers, true, bodyLength, bodySha256), streamSignature(headers, trailers, false, 0, ''));
    };
    if (request?.version === 'HTTP/2') add(`${src} ${sport} ${dst} ${dport}`, request, request.headers);
    if (response?.version === 'HTTP/2') add(`${dst} ${dport} ${src} ${sport}`, response, [[':status', `${response.status}`], ...response.headers]);
  }
  let agreed = 0;
  const missing: OracleStream[] = [];
  for (const stream of oracle) {
    if (stream.disputed || stream.h2_stream % 2 === 0) continue;
    const [head, trailers] = stream.blocks;
    const wanted = streamSignature(head?.headers, trailers?.headers ?? [], stream.end_stream, stream.data_length, stream.data_sha256);
    if (ours.get(flowOf(stream))?.includes(wanted) === true) agreed++;
    else missing.push(stream);
  }
  return { agreed, missing };
}
