import type { HttpRequest, Protocol } from '../http/exchange.ts';
import { RequestTarget } from '../policy/request-target.ts';
import * as header from './header-class.ts';
import { http2Copy } from './http2-copy.ts';
import type { OutgoingRequest } from './http-client.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { PathRewrite } from './path-rewrite.ts';
import type { QueryEdit } from './query.ts';
import type { Redactor } from './redact.ts';
import { unsampledB3, unsampledTraceparent } from './trace.ts';

/** What one target does to its copies; made once per snapshot (see rewrite-rules.ts). */
export interface RewriteRules {
  /** The target's own authority: `host` or `host:port` as in its URL. */
  readonly authority: string;
  /** Path of the target's URL without a trailing slash; put before the request's path. */
  readonly basePath: string;
  /** `Preserve`, `Shadow`, `Target`, or the host to send. */
  readonly hostname: string;
  /** Lower-case name of the header that marks a copy, and its value. */
  readonly marker: NameValue;
  /** A mark of the policy's own, or another value for the one above; null where it has none. */
  readonly ownMarker: NameValue | null;
  readonly trace: 'Unsampled' | 'Keep' | 'Drop';
  /** null: idempotency keys stay. */
  readonly idempotency: IdempotencyKeys | null;
  /** null: nothing is secret. */
  readonly redactor: Redactor | null;
  /** null: the path stays. */
  readonly path: PathRewrite | null;
  /** Filters of the target, in order. */
  readonly queryEdits: readonly QueryEdit[];
  readonly headerModifiers: readonly HeaderModifier[];
  /** What copies are sent in; null: what the original came in. */
  readonly protocol: Protocol | null;
  /** Of the target's URL: `http` or `https`. */
  readonly scheme: string;
}

/** As in the Gateway API's HTTPHeaderFilter. */
export interface HeaderModifier {
  readonly set: readonly NameValue[];
  readonly add: readonly NameValue[];
  readonly remove: readonly string[];
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

const EMPTY = Buffer.alloc(0);

/** Of the request that is being copied. */
const TARGET = new RequestTarget();

/**
 * The copy of a request for one target: hop-by-hop fields removed (RFC 9110 section 7.6.1), framing left to the client,
 * everything else in the same order, case and number; then what is secret is taken out; then the filters and the marker;
 * last, where it goes out as HTTP/2, it gets that form.
 * @param body the whole content, or null where there is none; the result borrows it, unless its content had to change
 * @returns null where it is not certain that everything secret could be taken out: such a request must not leave
 */
export function buildCopy(request: HttpRequest, body: Buffer | null, rules: RewriteRules): OutgoingRequest | null {
  const { redactor } = rules;
  TARGET.read(request.target);
  const content = redactor === null || body === null ? body : redactor.body(request.headers, body);
  if (content === null && body !== null) return null;
  // A request may say that it has content and that it is empty.
  const sent = content === null && request.declaredLength === 0 ? EMPTY : content;
  const asHttp2 = outgoingProtocol(request, rules) === 'h2';
  const headers = copyHeaders(request, rules, asHttp2);
  if (redactor !== null) redactor.headers(headers);
  if (rules.idempotency !== null) rewriteIdempotencyKeys(headers, rules.idempotency);
  for (const modifier of rules.headerModifiers) modify(headers, modifier);
  headers.push(rules.marker.name, rules.marker.value);
  if (rules.ownMarker !== null) setHeader(headers, rules.ownMarker);
  const copy = { method: request.method, path: copyTarget(request, rules), headers, body: sent };
  if (!asHttp2) return copy;
  const trailers = request.trailers.slice();
  redactor?.headers(trailers);
  return http2Copy(copy, trailers, request, rules.scheme);
}

/** What a target's copy of a request is sent in. */
export function outgoingProtocol(request: HttpRequest, { protocol }: RewriteRules): Protocol {
  return protocol ?? (request.isHttp2 ? 'h2' : 'h1');
}

function copyTarget(request: HttpRequest, rules: RewriteRules): string {
  const { path, query } = TARGET;
  // OPTIONS * speaks of the server, not of a path.
  if (path === '*') return path;
  let search = rules.redactor === null ? query : rules.redactor.query(query);
  for (const edit of rules.queryEdits) search = edit.apply(search);
  return rules.basePath + (rules.path === null ? path : rules.path.apply(path, request)) + search;
}

function copyHeaders(request: HttpRequest, rules: RewriteRules, asHttp2: boolean): string[] {
  const original = request.headers;
  const named = connectionOptions(original);
  const headers: string[] = [];
  let host = authorityOf(request);
  let hostAt = -1;
  for (let i = 0; i + 1 < original.length; i += 2) {
    const name = original[i]!;
    let value = original[i + 1]!;
    const headerClass = header.headerClass(name);
    switch (headerClass) {
      case header.DROP:
      case header.CONNECTION:
        continue;
      case header.CONTENT_LENGTH:
        // In HTTP/2 it stays where it was; the right value comes later.
        if (!asHttp2) continue;
        break;
      case header.TRAILER:
        if (!asHttp2 || !request.isHttp2) continue;
        break;
      case header.HOST:
        // The request's authority wins over Host (RFC 9112 section 3.2.2, RFC 9113 section 8.3.1); a second Host is dropped.
        if (hostAt >= 0) continue;
        hostAt = headers.length + 1;
        if (host === '') host = value;
        break;
      case header.TRACEPARENT:
      case header.B3:
      case header.B3_FLAG:
      case header.TRACE_CONTEXT:
        if (rules.trace === 'Drop') continue;
        if (rules.trace === 'Unsampled') value = unsampled(headerClass, value);
        break;
    }
    if (named !== null && named.has(name.toLowerCase())) continue;
    headers.push(name, value);
  }
  const copyHost = hostFor(host, rules);
  if (hostAt >= 0) headers[hostAt] = copyHost;
  else headers.unshift('host', copyHost);
  if (request.isHttp2 && !asHttp2) joinCookies(headers);
  return headers;
}

/** `:authority` of HTTP/2, or the authority of an absolute-form target, without user and password; empty where there is none. */
function authorityOf({ authority }: HttpRequest): string {
  return authority === '' ? TARGET.authority : authority.slice(authority.lastIndexOf('@') + 1);
}

/**
 * Clients of HTTP/2 may send each cookie in a field of its own; for HTTP/1.1 there is one, RFC 9113 section 8.2.3.
 * It stands where the first was.
 */
function joinCookies(headers: string[]): void {
  let first = -1;
  let kept = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i] === 'cookie' && first >= 0) {
      headers[first] += `; ${headers[i + 1]!}`;
      continue;
    }
    headers[kept] = headers[i]!;
    headers[kept + 1] = headers[i + 1]!;
    if (headers[i] === 'cookie') first = kept + 1;
    kept += 2;
  }
  headers.length = kept;
}

function unsampled(headerClass: number, value: string): string {
  if (headerClass === header.TRACEPARENT) return unsampledTraceparent(value);
  if (headerClass === header.B3) return unsampledB3(value);
  return headerClass === header.B3_FLAG ? '0' : value;
}

function hostFor(host: string, rules: RewriteRules): string {
  if (rules.hostname === 'Preserve') return host === '' ? rules.authority : host;
  if (rules.hostname === 'Target') return rules.authority;
  if (rules.hostname === 'Shadow') return withShadowSuffix(host === '' ? rules.authority : host);
  return rules.hostname;
}

/** Envoy's suffix: before the port, `shop:8080` becomes `shop-shadow:8080`. */
export function withShadowSuffix(host: string): string {
  const colon = host.lastIndexOf(':');
  const hasPort = colon >= 0 && colon > host.lastIndexOf(']');
  return hasPort ? `${host.slice(0, colon)}-shadow${host.slice(colon)}` : `${host}-shadow`;
}

/** Fields that the Connection header names are for the next hop too; null where it names none but the usual. */
function connectionOptions(headers: readonly string[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (header.headerClass(headers[i]!) !== header.CONNECTION) continue;
    for (const option of headers[i + 1]!.split(',')) {
      const name = option.trim().toLowerCase();
      // Host is no hop-by-hop field whatever a client says: a copy without it would be another request.
      if (name === '' || name === 'close' || name === 'keep-alive' || name === 'host') continue;
      named ??= new Set();
      named.add(name);
    }
  }
  return named;
}

function rewriteIdempotencyKeys(headers: string[], keys: IdempotencyKeys): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (header.headerClass(headers[i]!) === header.IDEMPOTENCY_KEY) headers[i + 1] = keys.rewrite(headers[i + 1]!);
  }
}

/** Order as in the Gateway API's implementations: set, add, remove. */
function modify(headers: string[], modifier: HeaderModifier): void {
  for (const header of modifier.set) setHeader(headers, header);
  for (const { name, value } of modifier.add) headers.push(name, value);
  for (const name of modifier.remove) removeHeader(headers, name);
}

function setHeader(headers: string[], { name, value }: NameValue): void {
  removeHeader(headers, name);
  headers.push(name, value);
}

function removeHeader(headers: string[], name: string): void {
  const lower = name.toLowerCase();
  let kept = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === lower) continue;
    headers[kept] = headers[i]!;
    headers[kept + 1] = headers[i + 1]!;
    kept += 2;
  }
  headers.length = kept;
}
