import { hash } from 'node:crypto';
import type { HttpRequest } from '../http/exchange.ts';

/**
 * Headers by which servers choose an answer: content negotiation (RFC 9110 section 12.5), conditions and ranges (sections 13 and
 * 14), the kind of content that was sent, who asks, and what answers repeat of the request.
 */
const CHOOSING: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
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
  'origin',
  'prefer',
  'range',
  'te',
  'x-forwarded-host',
  'x-forwarded-prefix',
  'x-forwarded-proto',
]);

/**
 * Words in the names of headers that say who asks, or which of several answers is wanted: `Authorization`, `X-Tenant`, `X-User-Id`. Two users' answers
 * must never be held against each other, as everything in which they differ would be taken for noise.
 */
const TELLING = /auth|token|key|secret|user|tenant|account|customer|client|member|subject|principal|identity|org-|organi[sz]ation|role|scope|session|locale|lang|country|region|currency|version|variant|feature|experiment|canary|preview/;
/** Words in names of those that are drawn anew for each request, or name the way that it came. */
const PASSING = /trace|span|request|correlation|idempotency|websocket|user-agent|-ip$/;

/** Names whose meaning is remembered. */
const MAX_NAMES = 512;
const LONGEST_NAME = 64;
/** By the name as it stands on the wire, whether it chooses. */
const known = new Map<string, boolean>();

function chooses(name: string): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const lower = name.toLowerCase();
  const does = CHOOSING.has(lower) || (TELLING.test(lower) && !PASSING.test(lower));
  // A copy, as a part of a head would keep all of it.
  if (known.size < MAX_NAMES && name.length <= LONGEST_NAME) known.set(Buffer.from(name, 'latin1').toString('latin1'), does);
  return does;
}

/**
 * The same for requests that should get the same answer; says nothing about the request itself. Call it while the head is there.
 * @param content all of it, or a digest of it
 */
export function questionKey(request: Pick<HttpRequest, 'method' | 'target' | 'scheme' | 'authority' | 'headers'>, content: Buffer | string | null): string {
  const { method, target, scheme, authority, headers } = request;
  let text = `${method} ${target}\n${scheme}\n${authority}\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (chooses(name)) text += `${name.toLowerCase()}:${headers[i + 1]!}\n`;
  }
  if (typeof content === 'string') text += content;
  else if (content !== null && content.length > 0) text += digest(content);
  return digest(text);
}

/** Of nothing that is secret, and against nobody who may choose what he likes: a collision costs a wrong guess of what is noise. */
function digest(data: Buffer | string): string {
  return hash('sha256', data, 'base64url').slice(0, 24);
}
