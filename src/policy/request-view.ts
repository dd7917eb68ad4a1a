import type { HttpRequest } from '../http/exchange.ts';
import { isGrpc } from '../http/grpc.ts';
import { RequestTarget } from './request-target.ts';

const SLASH = 0x2f;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;

/**
 * A request as matches look at it. There is one view per router, pointed at each request in turn; parts of the target
 * are found when first asked for, and compared in place.
 */
export class RequestView {
  #request: HttpRequest | null = null;
  #source = '';
  #read = false;
  readonly #parts = new RequestTarget();

  /**
   * Borrows the request until the next call.
   * @param source the client's address in text form
   */
  reset(request: HttpRequest, source: string): void {
    this.#request = request;
    this.#source = source;
    this.#read = false;
  }

  get method(): string {
    return this.#request!.method;
  }

  get source(): string {
    return this.#source;
  }

  /** Whether it is a call of gRPC over HTTP/2; gRPC-Web and Connect are not. */
  isGrpc(): boolean {
    const { version, method, headers } = this.#request!;
    return version === 'HTTP/2' && method === 'POST' && isGrpc(headers);
  }

  /** The path as sent, without query; of an absolute-form target (RFC 9112 section 3.2.2) what follows the authority. */
  path(): string {
    return this.#target().path;
  }

  pathIs(path: string): boolean {
    const { pathStart, pathEnd } = this.#target();
    const length = pathEnd - pathStart;
    if (length === 0) return path === '/';
    return length === path.length && this.#request!.target.startsWith(path, pathStart);
  }

  /** @param prefix whole path elements, without a slash at the end: empty for the root */
  pathBeginsWith(prefix: string): boolean {
    const { pathStart, pathEnd } = this.#target();
    const target = this.#request!.target;
    const end = pathStart + prefix.length;
    if (end > pathEnd || !target.startsWith(prefix, pathStart)) return false;
    return end === pathEnd || target.charCodeAt(end) === SLASH;
  }

  /**
   * Values of a header that was sent several times are joined as RFC 9110 section 5.3 says, cookies as RFC 9113 section
   * 8.2.3 does. The host of HTTP/2 is its `:authority`.
   * @param name in lower case
   * @returns null where it was not sent
   */
  header(name: string): string | null {
    const headers = this.#request!.headers;
    let value: string | null = null;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (!isHeader(headers[i]!, name)) continue;
      value = value === null ? headers[i + 1]! : `${value}${name === 'cookie' ? '; ' : ', '}${headers[i + 1]!}`;
    }
    const { authority } = this.#request!;
    return authority !== '' && name === 'host' ? authority : value;
  }

  /**
   * The first parameter of this name, decoded.
   * @returns null where there is none
   */
  queryParam(name: string): string | null {
    const { pathEnd } = this.#target();
    const target = this.#request!.target;
    for (let start = pathEnd + 1; start <= target.length; ) {
      const end = indexOrEnd(target, AMPERSAND, start, target.length);
      const equals = indexOrEnd(target, EQUALS, start, end);
      if (decodesTo(target, start, equals, name)) return decodeQuery(target.slice(Math.min(equals + 1, end), end));
      start = end + 1;
    }
    return null;
  }

  #target(): RequestTarget {
    if (!this.#read) this.#parts.read(this.#request!.target);
    this.#read = true;
    return this.#parts;
  }
}

/** Whether a header's name, as sent, is `lower`; without making strings. */
export function isHeader(name: string, lower: string): boolean {
  const length = name.length;
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    let code = name.charCodeAt(i);
    if (code >= 0x41 && code <= 0x5a) code |= 0x20;
    if (code !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/**
 * Text of a policy in the form in which requests are held: one character for each byte on the wire, where text is
 * UTF-8.
 */
export function asOnWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function indexOrEnd(text: string, code: number, start: number, end: number): number {
  let index = start;
  while (index < end && text.charCodeAt(index) !== code) index++;
  return index;
}

function decodesTo(text: string, start: number, end: number, expected: string): boolean {
  if (end - start === expected.length && text.startsWith(expected, start)) return true;
  // Encoding only makes a name longer, except that a space may be a plus.
  if (end - start < expected.length) return false;
  const raw = text.slice(start, end);
  return ENCODED.test(raw) && decodeQuery(raw) === expected;
}

const ENCODED = /[%+]/;
const PERCENT = /%([0-9A-Fa-f]{2})/g;

/** As in forms (application/x-www-form-urlencoded); what is not well encoded stays as it is. */
export function decodeQuery(raw: string): string {
  if (!ENCODED.test(raw)) return raw;
  return raw.replaceAll('+', ' ').replace(PERCENT, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
