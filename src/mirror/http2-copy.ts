import type { HttpRequest } from '../http/exchange.ts';
import { CONTENT_LENGTH, HOST, headerClass } from './header-class.ts';
import type { OutgoingRequest } from './http-client.ts';

/** As most clients have it. */
const USUAL_ORDER: readonly string[] = [':method', ':scheme', ':authority', ':path'];

/**
 * Gives a copy the form of HTTP/2, RFC 9113 section 8.3.1: Host becomes `:authority`, names are in lower case, the
 * pseudo-headers come in the original's order. One that came without `:authority` gets it, after the others.
 * @param copy with Host, without the fields of a connection; its headers are changed in place
 * @param trailers the copy's own, changed in place
 * @param scheme where the original has none
 */
export function http2Copy(copy: OutgoingRequest, trailers: string[], original: HttpRequest, scheme: string): OutgoingRequest {
  const values: Readonly<Record<string, string>> = {
    ':method': copy.method,
    ':scheme': original.scheme === '' ? scheme : original.scheme,
    ':authority': takeHost(copy.headers),
    ':path': copy.path,
  };
  const { pseudo } = original;
  const order = pseudo.length === 0 ? USUAL_ORDER : pseudo.includes(':authority') ? pseudo : [...pseudo, ':authority'];
  lowerNames(copy.headers);
  lowerNames(trailers);
  if (copy.body === null && original.declaredLength > 0) dropLength(copy.headers);
  else correctLength(copy.headers, copy.body?.length ?? 0);
  return { ...copy, http2: { pseudo: order.flatMap((name) => [name, values[name] ?? '']), trailers, live: null } };
}

/** Takes all fields of this name out. @returns the value of the last, which a filter may have set */
function takeHost(headers: string[]): string {
  let host = '';
  let kept = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headerClass(headers[i]!) === HOST) {
      host = headers[i + 1]!;
      continue;
    }
    headers[kept] = headers[i]!;
    headers[kept + 1] = headers[i + 1]!;
    kept += 2;
  }
  headers.length = kept;
  return host;
}

function lowerNames(headers: string[]): void {
  for (let i = 0; i < headers.length; i += 2) headers[i] = headers[i]!.toLowerCase();
}

/** The content is still to come, and may yet be changed; HTTP/2 does not need to know its length. */
function dropLength(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) if (headerClass(headers[i]!) === CONTENT_LENGTH) headers.splice(i, 2);
}

/** What was taken out of the content may have changed its length. */
function correctLength(headers: string[], length: number): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headerClass(headers[i]!) === CONTENT_LENGTH) headers[i + 1] = `${length}`;
  }
}
