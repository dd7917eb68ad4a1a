import type { HttpRequest } from '../http/exchange.ts';
import * as header from './header-class.ts';
import type { OutgoingRequest } from './http-client.ts';
import { unsampledB3, unsampledTraceparent } from './trace.ts';

/** What one target does to its copies; made once per snapshot. */
export interface RewriteRules {
  /** The target's own authority: `host` or `host:port` as in its URL. */
  readonly authority: string;
  /** Path of the target's URL without a trailing slash; put before the request's path. */
  readonly basePath: string;
  /** `Preserve`, `Shadow`, `Target`, or the host to send. */
  readonly hostname: string;
  /** Lower-case name of the header that marks a copy, and its value. */
  readonly marker: { readonly name: string; readonly value: string };
  /** RequestHeaderModifier filters of the target, in order. */
  readonly modifiers: readonly HeaderModifier[];
}

/** As in the Gateway API's HTTPHeaderFilter. */
export interface HeaderModifier {
  readonly set?: readonly NameValue[];
  readonly add?: readonly NameValue[];
  readonly remove?: readonly string[];
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

/**
 * The copy of a request for one target: hop-by-hop fields removed (RFC 9110 section 7.6.1), framing left to the client,
 * everything else in the same order, case and number, then the filters and the marker.
 * @param body the whole content, or null where there is none; borrowed by the result
 */
export function buildCopy(request: HttpRequest, body: Buffer | null, rules: RewriteRules): OutgoingRequest {
  const { authority: targetAuthority, path } = splitTarget(request.target);
  const headers = copyHeaders(request.headers, targetAuthority, rules);
  for (const modifier of rules.modifiers) modify(headers, modifier);
  headers.push(rules.marker.name, rules.marker.value);
  return { method: request.method, path: rules.basePath + path, headers, body };
}

function copyHeaders(original: readonly string[], targetAuthority: string, rules: RewriteRules): string[] {
  const named = connectionOptions(original);
  const headers: string[] = [];
  let host = targetAuthority;
  let hostAt = -1;
  for (let i = 0; i + 1 < original.length; i += 2) {
    const name = original[i]!;
    let value = original[i + 1]!;
    switch (header.headerClass(name)) {
      case header.DROP:
      case header.CONNECTION:
      case header.CONTENT_LENGTH:
        continue;
      case header.HOST:
        // The authority of an absolute-form target wins over Host (RFC 9112 section 3.2.2); a second Host is dropped.
        if (hostAt >= 0) continue;
        hostAt = headers.length + 1;
        if (host === '') host = value;
        break;
      case header.TRACEPARENT:
        value = unsampledTraceparent(value);
        break;
      case header.B3:
        value = unsampledB3(value);
        break;
      case header.B3_SAMPLED:
        value = '0';
        break;
    }
    if (named !== null && named.has(name.toLowerCase())) continue;
    headers.push(name, value);
  }
  const copyHost = hostFor(host, rules);
  if (hostAt >= 0) headers[hostAt] = copyHost;
  else headers.unshift('host', copyHost);
  return headers;
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

/** Origin form as it is; absolute form (RFC 9112 section 3.2.2) becomes origin form and an authority. */
function splitTarget(target: string): { authority: string; path: string } {
  if (target.startsWith('/') || target === '*') return { authority: '', path: target };
  const scheme = target.indexOf('://');
  if (scheme < 0) return { authority: '', path: target };
  const start = scheme + 3;
  let end = start;
  while (end < target.length && target[end] !== '/' && target[end] !== '?' && target[end] !== '#') end++;
  const rest = target.slice(end);
  return { authority: target.slice(start, end), path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** Order as in the Gateway API's implementations: set, add, remove. */
function modify(headers: string[], modifier: HeaderModifier): void {
  for (const { name, value } of modifier.set ?? []) {
    removeHeader(headers, name);
    headers.push(name, value);
  }
  for (const { name, value } of modifier.add ?? []) headers.push(name, value);
  for (const name of modifier.remove ?? []) removeHeader(headers, name);
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
