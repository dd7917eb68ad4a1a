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

  /** There may be something secret in content. */
  get readsContent(): boolean {
    return this.#json !== null;
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

  /** @param query with its mark (`?`, or `#` of a fragment), or empty; so is the result */
  query(query: string): string {
    if (this.#params.size === 0 || query === '') return query;
    const parts = query.slice(1).split('&').flatMap((part) => this.#param(part));
    return parts.length === 0 ? '' : query[0]! + parts.join('&');
  }

  /**
   * Content that may be JSON must be read, or it does not leave: JSON by its type, and what opens an object or a list
   * whatever its type says, as some clients do not care. Encoded content (gzip) cannot be looked into, nor UTF-16.
   * @param headers of the request as sent
   * @param body whole content; the result may be another buffer
   * @returns null where it is not certain what the content holds
   */
  body(headers: readonly string[], body: Buffer): Buffer | null {
    if (this.#json === null || body.length === 0) return body;
    const start = startOfText(body);
    if (isNotPlain(body, start)) return null;
    let isJson = body[start] === 0x7b || body[start] === 0x5b;
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
      const start = this.#secretCookie(pair);
      if (start < 0) return [pair];
      const before = pair.slice(0, start);
      if (this.#key === null) return start === 0 ? [] : [before.slice(0, -1)];
      const equals = pair.indexOf('=', start);
      const name = (equals < 0 ? pair.slice(start) : pair.slice(start, equals)).trim();
      const value = equals < 0 ? '' : pair.slice(equals + 1).trim();
      return [`${before || ' '}${name}=${this.#hash(Buffer.from(value, 'latin1'))}`];
    });
    const left = pairs.join(';').trim();
    return left === '' ? null : left;
  }

  /**
   * Some servers take a comma for a separator, for others it is a part of the value: what follows it goes, too.
   * @returns where the first secret cookie begins, -1 where there is none
   */
  #secretCookie(pair: string): number {
    let start = 0;
    for (const piece of pair.split(',')) {
      const equals = piece.indexOf('=');
      if (this.#cookies.has((equals < 0 ? piece : piece.slice(0, equals)).trim())) return start;
      start += piece.length + 1;
    }
    return -1;
  }

  /** The page that a request comes from has its own query, and what stands behind a number sign may be one as well. */
  #referer(url: string): string {
    const mark = url.search(/[?#]/);
    return mark < 0 ? url : url.slice(0, mark) + this.query(url.slice(mark));
  }
  #param(part: string): string[] {
    if (this.#params.has(nameOf(part))) return this.#secretParam(part);
    // Sloppy clients begin a query twice, or behind a number sign; for a strict server that is a part of the value.
    let start = 0;
    for (const piece of part.split(/(?=[?#])/)) {
      if (START_OF_QUERY.test(piece) && this.#params.has(nameOf(piece.slice(1)))) {
        const secret = this.#secretParam(part.slice(start + 1)).map((hashed) => piece[0]! + hashed);
        const left = [...this.#pieces(part.slice(0, start)), ...secret].join('');
        return left === '' ? [] : [left];
      }
      start += piece.length;
    }
    return this.#pieces(part);
  }

  /** Some servers take a semicolon for a separator, too. */
  #pieces(part: string): string[] {
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

const START_OF_QUERY = /^[?#]/;

/** Where the first character is that is no space; a byte order mark of UTF-8 is passed over. */
function startOfText(body: Buffer): number {
  let at = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  while (at < body.length && body[at]! <= 0x20) at += 1;
  return at;
}

/** What is put before JSON so that a page of another origin cannot run it as a script. */
const GUARD = /^(?:\)\]\}|while ?\(1\)|for ?\(;;\))/;

/** Text that may be JSON, in a form that is not read: UTF-16 or UTF-32 by its byte order mark, or behind a guard. */
function isNotPlain(body: Buffer, start: number): boolean {
  const [first, second] = [body[start], body[start + 1]];
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  return GUARD.test(body.subarray(start, start + 16).latin1Slice());
}
