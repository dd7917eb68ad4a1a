import { hash } from 'node:crypto';
import type { HttpRequest } from '../http/exchange.ts';

/**
 * Headers by which servers choose an answer: content negotiation (RFC 9110 section 12.5), conditions and ranges (sections 13 and
 * 14), the kind of content that was sent, and who asks.
 */
const CHOOSING: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'content-encoding',
  'content-type',
  'cookie',
  'expect',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'prefer',
  'range',
  'te',
  'x-api-key',
]);

/** By length, so that the names of most headers need not be put into lower case to see that they are none of these. */
const LENGTHS: readonly boolean[] = Array.from({ length: 20 }, (_, length) => [...CHOOSING].some((name) => name.length === length));

/**
 * The same for requests that should get the same answer; says nothing about the request itself. Call it while the head is there.
 * @param content all of it, or a digest of it
 */
export function questionKey(request: Pick<HttpRequest, 'method' | 'target' | 'scheme' | 'authority' | 'headers'>, content: Buffer | string | null): string {
  const { method, target, scheme, authority, headers } = request;
  let text = `${method} ${target}\n${scheme}\n${authority}\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (LENGTHS[name.length] !== true) continue;
    const lower = name.toLowerCase();
    if (CHOOSING.has(lower)) text += `${lower}:${headers[i + 1]!}\n`;
  }
  if (typeof content === 'string') text += content;
  else if (content !== null && content.length > 0) text += digest(content);
  return digest(text);
}

/** Of nothing that is secret, and against nobody who may choose what he likes: a collision costs a wrong guess of what is noise. */
function digest(data: Buffer | string): string {
  return hash('sha256', data, 'base64url').slice(0, 24);
}
