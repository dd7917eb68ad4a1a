import type { Exchange, HttpMessage } from '../http/exchange.ts';

/** One exchange as it is recorded: both sides, with times on the wall clock. Text is latin-1 of the bytes on the wire. */
export interface ExchangeRecord {
  /** `namespace/name` of the policy that asked for it. */
  readonly policy: string;
  readonly client: RecordedAddress;
  readonly server: RecordedAddress;
  readonly request: RecordedRequest;
  /** null where none was captured. */
  readonly response: RecordedResponse | null;
}

export interface RecordedAddress {
  readonly address: string;
  readonly port: number;
}

export interface RecordedMessage {
  /** `HTTP/1.1`, `HTTP/2` */
  readonly version: string;
  /** Flat: name, value, name, value; as sent. */
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  /** Time of the first byte and of the last, milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** Content bytes that were captured, without their transfer coding. */
  readonly bodyLength: number;
  /** All of the content, or null and `missing` says why. Never a part of it. */
  readonly body: Buffer | null;
  readonly missing: MissingBody | null;
}

export interface RecordedRequest extends RecordedMessage {
  readonly method: string;
  /** Of HTTP/2 its `:path`. */
  readonly target: string;
  /** `:authority` and `:scheme` of HTTP/2; empty where they were not sent. */
  readonly authority: string;
  readonly scheme: string;
  /** The names of the pseudo-headers of HTTP/2 in their order; none of HTTP/1.x. */
  readonly pseudo: readonly string[];
}

export interface RecordedResponse extends RecordedMessage {
  readonly status: number;
  readonly reason: string;
}

/**
 * `incomplete`: it was not captured whole; `too-large`: above `maxBodyBytes`; `memory`: there was no room to keep it;
 * `redacted`: it may hold what the policy's `redact` names, and cannot be looked into.
 */
export const MISSING_BODY = ['incomplete', 'too-large', 'memory', 'redacted'] as const;
export type MissingBody = (typeof MISSING_BODY)[number];

/** What is left of a message's content: bytes, or why there are none. */
export interface Content {
  readonly body: Buffer | null;
  readonly missing: MissingBody | null;
}

export const NO_CONTENT: Content = { body: Buffer.alloc(0), missing: null };

/** Converts the tap's clock, microseconds, to milliseconds since 1970. */
export type WallClock = (timeUs: number) => number;

/** What was kept of an exchange's contents. */
export interface Contents {
  readonly request: Content;
  readonly response: Content;
}

/** @param exchange whose request is known; its lists and the contents are borrowed */
export function recordOf(policy: string, exchange: Exchange, contents: Contents, clock: WallClock): ExchangeRecord {
  const { flow, response } = exchange;
  const request = exchange.request!;
  const { method, target, authority, scheme, pseudo } = request;
  return {
    policy,
    client: { address: flow.clientAddress, port: flow.clientPort },
    server: { address: flow.serverAddress, port: flow.serverPort },
    request: { method, target, authority, scheme, pseudo, ...messageOf(request, contents.request, clock) },
    response:
      response === null ? null : { status: response.status, reason: response.reason, ...messageOf(response, contents.response, clock) },
  };
}

function messageOf(message: HttpMessage, { body, missing }: Content, clock: WallClock): RecordedMessage {
  const { version, headers, trailers, bodyLength, firstUs, lastUs } = message;
  return { version, headers, trailers, startMs: clock(firstUs), endMs: clock(lastUs), bodyLength, body, missing };
}

/** Upper bound of a record's size in either format, roughly: what is asked before any work is done for it. */
export function estimateBytes({ request, response }: ExchangeRecord): number {
  return 1024 + messageBytes(request) + request.target.length * 3 + request.authority.length * 2 + (response === null ? 0 : messageBytes(response));
}

function messageBytes({ headers, trailers, body }: RecordedMessage): number {
  let bytes = Math.ceil((body?.length ?? 0) / 3) * 4;
  for (const text of headers) bytes += text.length + 12;
  for (const text of trailers) bytes += text.length + 12;
  return bytes;
}

/** The first value of a header, or null. */
export function headerValue(headers: readonly string[], lowerName: string): string | null {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]!.length === lowerName.length && headers[i]!.toLowerCase() === lowerName) return headers[i + 1]!;
  }
  return null;
}
