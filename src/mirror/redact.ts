import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { asOnWire } from '../policy/request-view.ts';
import type { PolicySpec } from '../policy/schema.ts';
import { nameOf, valueOf } from './query.ts';
import { JsonRedactor } from './redact-json.ts';

/**
 * Takes out of a request what a policy says is secret. Whatever leaves the worker, to a mirror, a file or a page, has
 * been through this first.
 */
export class Redactor {
  readonly #headers: ReadonlySet<string>;
  readonly #cookies: ReadonlySet<string>;
  readonly #params: ReadonlySet<string>;
  readonly #json: JsonRedactor | null;
  /** null means that values are taken away. */
  readonly #key: KeyObject | null;

  /** @param secret key of the hashes */
  constructor({ headers, cookies, queryParams, jsonFields, mode }: NonNullable<PolicySpec['redact']>, secret: string) {
    this.#headers = new Set(headers.map((name) => name.toLowerCase()));
    this.#cookies = new Set(cookies);
    this.#params = new Set(queryParams.map(asOnWire));
    this.#key = mode === 'Hash' ? createSecretKey(secret, 'utf8') : null;
    const replace = this.#key === null ? null : (value: Buffer) => this.#hash(value);
    this.#json = jsonFields.length === 0 ? null : new JsonRedactor(jsonFields, replace);
  }

  /** @param headers flat: name, value, name, value; changed in place */
  headers(headers: string[]): void {
    let kept = 0;
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!;
      const value = this.#headerValue(name.toLowerCase(), headers[i + 1]!);
      if (value === null) continue;
      headers[kept] = name;
      headers[kept + 1] = value;
      kept += 2;
    }
    headers.length = kept;
  }

  /** @param query with its question mark, or empty; so is the result */
  query(query: string): string {
    if (this.#params.size === 0 || query === '') return query;
    const parts = query.slice(1).split('&').flatMap((part) => this.#param(part));
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }

  /**
   * Content that may be JSON must be read, or it does not leave: JSON by its type, and what looks like JSON whatever its
   * type says, as some clients do not care. Encoded content (gzip) cannot be looked into.
   * @param headers of the request as sent
   * @param body whole content; the result may be another buffer
   * @returns null where it is not certain what the content holds
   */
  body(headers: readonly string[], body: Buffer): Buffer | null {
    if (this.#json === null || body.length === 0) return body;
    let isJson = looksLikeJson(body);
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!.toLowerCase();
      if (name === 'content-encoding' && headers[i + 1]!.trim().toLowerCase() !== 'identity') return null;
      if (name === 'content-type' && headers[i + 1]!.toLowerCase().includes('json')) isJson = true;
    }
    return isJson ? this.#json.redact(body) : body;
  }

  #headerValue(name: string, value: string): string | null {
    if (this.#headers.has(name)) return this.#key === null ? null : this.#hash(Buffer.from(value, 'latin1'));
    if (name === 'cookie' && this.#cookies.size > 0) return this.#cookieValue(value);
    if (name === 'referer' && this.#params.size > 0) return this.#referer(value);
    return value;
  }

  #cookieValue(header: string): string | null {
    const pairs = header.split(';').flatMap((pair) => {
      const equals = pair.indexOf('=');
      const name = (equals < 0 ? pair : pair.slice(0, equals)).trim();
      if (!this.#cookies.has(name)) return [pair];
      const value = equals < 0 ? '' : pair.slice(equals + 1).trim();
      return this.#key === null ? [] : [` ${name}=${this.#hash(Buffer.from(value, 'latin1'))}`];
    });
    const left = pairs.join(';').trim();
    return left === '' ? null : left;
  }

  /** The page that a request comes from has its own query. */
  #referer(url: string): string {
    const mark = url.indexOf('?');
    if (mark < 0) return url;
    const hash = url.indexOf('#', mark);
    const end = hash < 0 ? url.length : hash;
    return url.slice(0, mark) + this.query(url.slice(mark, end)) + url.slice(end);
  }

  #param(part: string): string[] {
    if (this.#params.has(nameOf(part))) return this.#secretParam(part);
    // Some servers take a semicolon for a separator, too.
    if (!part.includes(';')) return [part];
    const pieces = part.split(';').flatMap((piece) => (this.#params.has(nameOf(piece)) ? this.#secretParam(piece) : [piece]));
    return pieces.length === 0 ? [] : [pieces.join(';')];
  }

  #secretParam(part: string): string[] {
    if (this.#key === null) return [];
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    return [`${name}=${this.#hash(Buffer.from(valueOf(part), 'latin1'))}`];
  }

  /** 128 bits, in letters that stand for themselves wherever a value may be. */
  #hash(value: Buffer): string {
    return `redacted-${createHmac('sha256', this.#key!).update(value).digest('base64url').slice(0, 22)}`;
  }
}

/** Whether the first character that is no space opens an object or a list; a byte order mark is passed over. */
function looksLikeJson(body: Buffer): boolean {
  let at = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  while (at < body.length && body[at]! <= 0x20) at += 1;
  return body[at] === 0x7b || body[at] === 0x5b;
}
