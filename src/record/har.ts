import { isUtf8 } from 'node:buffer';
import { pseudoFieldsOf } from '../http/exchange.ts';
import { VERSION } from '../version.ts';
import { headerValue, type ExchangeRecord, type RecordedAddress, type RecordedMessage, type RecordedRequest, type RecordedResponse } from './record.ts';

/** What stands before, between and after the entries of a HAR 1.2 file: one entry a line. */
export const HAR_HEAD = Buffer.from(
  `{"log":{"version":"1.2","creator":{"name":"shadowtap","version":${JSON.stringify(VERSION)}},"entries":[\n`,
);
export const HAR_BETWEEN = Buffer.from(',\n');
export const HAR_TAIL = Buffer.from('\n]}}\n');
/** How each entry of ours begins, after a line end: by this reading goes on after damage. */
export const HAR_ENTRY_START = '{"startedDateTime"';

/**
 * One exchange as an entry of a HAR 1.2 log (http://www.softwareishard.com/blog/har-12-spec/). What HAR has no field for
 * is in fields that begin with an underscore, as it provides. Cookies are where they were sent: among the headers.
 */
export function encodeHar(record: ExchangeRecord): Buffer {
  const { policy, client, server, request, response } = record;
  const send = Math.max(0, request.endMs - request.startMs);
  const wait = response === null ? 0 : Math.max(0, response.startMs - request.endMs);
  const receive = response === null ? 0 : Math.max(0, response.endMs - response.startMs);
  const entry = {
    startedDateTime: new Date(request.startMs).toISOString(),
    time: round(send + wait + receive),
    request: requestJson(request, server),
    response: response === null ? NO_RESPONSE : responseJson(response),
    cache: {},
    timings: { send: round(send), wait: round(wait), receive: round(receive) },
    serverIPAddress: server.address,
    connection: String(client.port),
    _policy: policy,
    _client: client,
    _server: server,
    _startMs: request.startMs,
  };
  return Buffer.from(JSON.stringify(entry));
}

/** What browsers write where there was no response. */
const NO_RESPONSE = {
  status: 0,
  statusText: '',
  httpVersion: '',
  cookies: [],
  headers: [],
  content: { size: 0, mimeType: '' },
  redirectURL: '',
  headersSize: -1,
  bodySize: -1,
};

function requestJson(request: RecordedRequest, server: RecordedAddress): object {
  const mimeType = headerValue(request.headers, 'content-type') ?? '';
  return {
    method: request.method,
    url: urlOf(request, server),
    httpVersion: harVersion(request),
    cookies: [],
    // Browsers, too, write pseudo-headers there.
    headers: named([...pseudoFieldsOf(request), ...request.headers]),
    queryString: queryOf(request.target),
    headersSize: -1,
    bodySize: request.bodyLength,
    ...(request.bodyLength > 0 && { postData: { mimeType, ...postText(request.body) } }),
    _target: request.target,
    ...trailersOf(request),
  };
}

/** A text takes up to six characters a byte. */
const MAX_TEXT_BYTES = 8 << 20;

/** HAR has no encoding for what is sent: text where it is text, as readers expect, else base64 and a field that says so. */
function postText(body: Buffer | null): object {
  if (body === null) return { text: '' };
  return body.length <= MAX_TEXT_BYTES && isUtf8(body) ? { text: body.toString() } : { text: body.toString('base64'), _encoding: 'base64' };
}

function responseJson(response: RecordedResponse): object {
  const { body, bodyLength, headers } = response;
  const mimeType = headerValue(headers, 'content-type') ?? '';
  return {
    status: response.status,
    statusText: response.reason,
    httpVersion: harVersion(response),
    cookies: [],
    headers: named(headers),
    content: { size: bodyLength, mimeType, ...(body === null ? { _missing: response.missing } : { text: body.toString('base64'), encoding: 'base64' }) },
    redirectURL: headerValue(headers, 'location') ?? '',
    headersSize: -1,
    bodySize: bodyLength,
    ...trailersOf(response),
  };
}

/** The name that tools know. */
function harVersion({ version }: RecordedMessage): string {
  return version === 'HTTP/2' ? 'HTTP/2.0' : version;
}

function trailersOf({ trailers }: RecordedMessage): object {
  return trailers.length === 0 ? {} : { _trailers: named(trailers) };
}

function named(flat: readonly string[]): { name: string; value: string }[] {
  const list: { name: string; value: string }[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push({ name: flat[i]!, value: flat[i + 1]! });
  return list;
}

/** An absolute address, for tools that want one; `_target` is what was sent. */
function urlOf({ target, headers, authority }: RecordedRequest, { address, port }: RecordedAddress): string {
  if (/^https?:\/\//i.test(target)) return target;
  const named = authority === '' ? headerValue(headers, 'host') : authority;
  const host = named ?? `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return `http://${host}${target.startsWith('/') ? target : '/'}`;
}

function queryOf(target: string): { name: string; value: string }[] {
  const start = target.indexOf('?');
  if (start < 0) return [];
  return Array.from(new URLSearchParams(target.slice(start + 1)), ([name, value]) => ({ name, value }));
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
