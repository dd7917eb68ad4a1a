import { isName } from '../framing.ts';
import { BAD_FIELD, BAD_REQUEST_LINE } from '../head-scan.ts';
import type { Fault } from '../head-scan.ts';

const LENGTH_FAULT: Fault = { outcome: 'ambiguous', reason: 'content-length' };
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const LENGTH = /^[0-9]{1,15}$/;
const STATUS = /^[1-9][0-9]{2}$/;
/** Orders of pseudo-headers in use, so that each is one list; clients could invent more, but not many. */
const ORDERS = new Map<string, readonly string[]>();
const MAX_ORDERS = 256;

/**
 * What the fields of a header block say, RFC 9113 section 8. There is one for all connections, filled again for each
 * block. What servers refuse is refused: fields of HTTP/1.1 that belong to a connection or its framing, pseudo-headers
 * that are doubled, missing, unknown or out of place.
 */
export class HeadFields {
  method = '';
  path = '';
  scheme = '';
  authority = '';
  /** Of an extended CONNECT, RFC 8441. */
  protocol = '';
  /** -1 where it is not there or no number. */
  status = -1;
  /** How many of the fields, from the first on, are pseudo-headers. */
  pseudos = 0;
  /** Of Content-Length; -1 without one. */
  length = -1;
  #fault: Fault | null = null;

  /** @returns what is wrong with it as a request's head; null if nothing is */
  request(fields: readonly string[]): Fault | null {
    this.#read(fields);
    if (this.#fault !== null) return this.#fault;
    if (this.status >= 0 || !TOKEN.test(this.method)) return BAD_REQUEST_LINE;
    if (this.authority !== '' && !TARGET.test(this.authority)) return BAD_REQUEST_LINE;
    if (this.method === 'CONNECT' && this.protocol === '') {
      return this.authority !== '' && this.path === '' && this.scheme === '' ? null : BAD_REQUEST_LINE;
    }
    if (this.protocol !== '' && this.method !== 'CONNECT') return BAD_REQUEST_LINE;
    return this.scheme !== '' && this.#isPath() ? null : BAD_REQUEST_LINE;
  }

  /** @returns whether it is a response's head; `status` is -1 if it has none that is known */
  response(fields: readonly string[]): boolean {
    this.#read(fields);
    return this.#fault === null && this.method === '' && this.path === '' && this.scheme === '' && this.authority === '';
  }

  /** @returns what is wrong with it as trailers */
  trailers(fields: readonly string[]): Fault | null {
    this.#read(fields);
    if (this.#fault !== null) return this.#fault;
    return this.pseudos > 0 ? BAD_FIELD : null;
  }

  /** The pseudo-headers' names in their order. @param fields those that were read */
  order(fields: readonly string[]): readonly string[] {
    let key = '';
    for (let i = 0; i < this.pseudos; i++) key += fields[i * 2]!;
    const known = ORDERS.get(key);
    if (known !== undefined) return known;
    const order = Array.from({ length: this.pseudos }, (_, i) => fields[i * 2]!);
    if (ORDERS.size < MAX_ORDERS) ORDERS.set(key, order);
    return order;
  }

  #isPath(): boolean {
    if (this.path === '*') return this.method === 'OPTIONS';
    return this.path.charCodeAt(0) === SLASH && TARGET.test(this.path);
  }

  #read(fields: readonly string[]): void {
    this.method = this.path = this.scheme = this.authority = this.protocol = '';
    this.status = -1;
    this.pseudos = 0;
    this.length = -1;
    this.#fault = null;
    let i = 0;
    while (i + 1 < fields.length && fields[i]!.charCodeAt(0) === COLON) {
      if (!this.#addPseudo(fields[i]!, fields[i + 1]!)) this.#fault ??= BAD_REQUEST_LINE;
      i += 2;
    }
    this.pseudos = i / 2;
    for (; i + 1 < fields.length; i += 2) this.#addField(fields[i]!, fields[i + 1]!);
  }

  #addPseudo(name: string, value: string): boolean {
    if (value === '' && name !== ':authority') return false;
    let before = '';
    switch (name) {
      case ':method':
        before = this.method;
        this.method = value;
        break;
      case ':path':
        before = this.path;
        this.path = value;
        break;
      case ':scheme':
        before = this.scheme;
        this.scheme = value;
        break;
      case ':authority':
        before = this.authority;
        this.authority = value;
        break;
      case ':protocol':
        before = this.protocol;
        this.protocol = value;
        break;
      case ':status':
        if (this.status >= 0 || !STATUS.test(value)) return false;
        this.status = Number(value);
        break;
      default:
        return false;
    }
    return before === '';
  }

  /** Most names are of another length: compared only where they may be equal. */
  #addField(name: string, value: string): void {
    switch (name.length) {
      case 2:
        if (name === 'te' && value.toLowerCase() !== 'trailers') this.#fault ??= BAD_FIELD;
        break;
      case 7:
        if (isName(name, 'upgrade')) this.#fault ??= BAD_FIELD;
        break;
      case 10:
        if (isName(name, 'connection') || isName(name, 'keep-alive')) this.#fault ??= BAD_FIELD;
        break;
      case 14:
        if (isName(name, 'content-length')) this.#addLength(value);
        break;
      case 16:
        if (isName(name, 'proxy-connection')) this.#fault ??= BAD_FIELD;
        break;
      case 17:
        if (isName(name, 'transfer-encoding')) this.#fault ??= BAD_FIELD;
        break;
    }
    if (name.charCodeAt(0) === COLON) this.#fault ??= BAD_FIELD;
  }

  #addLength(value: string): void {
    if (this.length >= 0 || !LENGTH.test(value)) this.#fault = LENGTH_FAULT;
    else this.length = Number(value);
  }
}

const COLON = 0x3a;
const SLASH = 0x2f;
