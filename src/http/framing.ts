import type { Framing } from './exchange.ts';
import type { Fault } from './head-scan.ts';

/** What an Upgrade field asks for; '' means that it asks for nothing. */
export type UpgradeKind = '' | 'websocket' | 'h2c' | 'other';

const LENGTH_FAULT: Fault = { outcome: 'ambiguous', reason: 'content-length' };
const CODING_FAULT: Fault = { outcome: 'ambiguous', reason: 'transfer-encoding' };
const BOTH_FAULT: Fault = { outcome: 'ambiguous', reason: 'length-and-chunked' };

/**
 * What a head says of its message's framing (RFC 9112 section 6) and of the connection. There is one for all
 * connections, filled again for each head.
 */
export class FramingFields {
  /** Of Content-Length; -1 without one or where it is no number. */
  length = -1;
  /** `chunked` is the last transfer coding. */
  chunked = false;
  /** There is a Transfer-Encoding. */
  coded = false;
  upgrade: UpgradeKind = '';
  /** Two servers could disagree; null if they cannot. */
  fault: Fault | null = null;

  /** @param minor 0 for HTTP/1.0 */
  read(headers: readonly string[], minor: number): void {
    this.length = -1;
    this.chunked = false;
    this.coded = false;
    this.upgrade = '';
    this.fault = null;
    let connection = '';
    let protocol = '';
    let onlyChunked = true;
    let lengths = 0;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!;
      // Most names are of another length: compared only where they may be equal.
      switch (name.length) {
        case 14:
          if (!isName(name, 'content-length')) break;
          this.#addLength(headers[i + 1]!, lengths++);
          break;
        case 17:
          if (!isName(name, 'transfer-encoding')) break;
          onlyChunked = !this.coded && headers[i + 1]!.toLowerCase() === 'chunked';
          this.coded = true;
          this.chunked = /(?:^|[,\s])chunked$/i.test(headers[i + 1]!);
          break;
        case 10:
          if (isName(name, 'connection')) connection = connection === '' ? headers[i + 1]! : `${connection},${headers[i + 1]}`;
          break;
        case 7:
          if (isName(name, 'upgrade')) protocol = headers[i + 1]!;
          break;
      }
    }
    if (protocol !== '' && hasToken(connection, 'upgrade')) this.upgrade = kindOf(protocol);
    if (!this.coded) return;
    if (lengths > 0) this.fault = BOTH_FAULT;
    // Codings other than chunked are read by some servers and refused by others; HTTP/1.0 does not know the field.
    else if (!onlyChunked || minor === 0) this.fault = CODING_FAULT;
  }

  /** Of a response with these fields, RFC 9112 section 6.3. @param method of its request */
  ofResponse(status: number, method: string): Framing {
    if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return 'none';
    if (method === 'CONNECT' && status >= 200 && status < 300) return 'none';
    if (this.coded) return this.chunked ? 'chunked' : 'close';
    if (this.length > 0) return 'length';
    return this.length === 0 ? 'none' : 'close';
  }

  #addLength(value: string, before: number): void {
    const length = parseLength(value);
    if (before > 0 || length < 0) this.fault = LENGTH_FAULT;
    if (before === 0 || length === this.length) this.length = length;
    else this.length = -1;
  }
}

/** @param lower the name in lower case; `name` has the same length */
export function isName(name: string, lower: string): boolean {
  // Most names of the same length differ in their first letter.
  return (name.charCodeAt(0) | 0x20) === lower.charCodeAt(0) && name.toLowerCase() === lower;
}

/** Digits only, RFC 9110 section 8.6; -1 for anything else and for more than can be counted exactly. */
function parseLength(value: string): number {
  if (value.length === 0 || value.length > 32) return -1;
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return Number.isSafeInteger(length) ? length : -1;
}

/** @param token in lower case; `list` is separated by commas, in any case */
export function hasToken(list: string, token: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((item) => item.trim() === token);
}

function kindOf(protocol: string): UpgradeKind {
  const lower = protocol.toLowerCase();
  if (lower.includes('websocket')) return 'websocket';
  return lower.includes('h2c') ? 'h2c' : 'other';
}
