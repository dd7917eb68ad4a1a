import { flatCopy } from './flat-copy.ts';

/** What a copy does with a header field. */
export const KEEP = 0;
/** Meant for the next hop only, or recomputed for the copy: never copied (RFC 9110 section 7.6.1). */
export const DROP = 1;
export const CONNECTION = 2;
export const HOST = 3;
export const TRACEPARENT = 4;
export const B3 = 5;
/** `x-b3-sampled`, `x-b3-flags`: one number that says whether spans are recorded. */
export const B3_FLAG = 6;
/** Content-Length: recomputed, but it tells that the original had (empty) content. */
export const CONTENT_LENGTH = 7;
/** The rest of a trace's context. */
export const TRACE_CONTEXT = 8;
export const IDEMPOTENCY_KEY = 9;
/** `te` and `trailer`: for the next hop in HTTP/1.1, end to end in HTTP/2. */
export const TRAILER = 10;

const CLASSES: Readonly<Record<string, number>> = {
  connection: CONNECTION,
  'keep-alive': DROP,
  'proxy-connection': DROP,
  te: TRAILER,
  trailer: TRAILER,
  'transfer-encoding': DROP,
  upgrade: DROP,
  'http2-settings': DROP,
  // The content goes out with the head: there is nothing to wait for.
  expect: DROP,
  'content-length': CONTENT_LENGTH,
  host: HOST,
  traceparent: TRACEPARENT,
  b3: B3,
  'x-b3-sampled': B3_FLAG,
  'x-b3-flags': B3_FLAG,
  'x-b3-traceid': TRACE_CONTEXT,
  'x-b3-spanid': TRACE_CONTEXT,
  'x-b3-parentspanid': TRACE_CONTEXT,
  tracestate: TRACE_CONTEXT,
  baggage: TRACE_CONTEXT,
  'idempotency-key': IDEMPOTENCY_KEY,
  'x-idempotency-key': IDEMPOTENCY_KEY,
};

/** Longer names are of no class of ours. */
const LONGEST = Math.max(...Object.keys(CLASSES).map((name) => name.length));

/** Names as clients spell them, so that a request's header needs one look-up and no lower-casing. */
const bySpelling = new Map<string, number>();
/** Spellings are the client's to choose: past this many, they are classified each time. */
const MAX_SPELLINGS = 1024;

/** The class of a header name in any case. */
export function headerClass(name: string): number {
  if (name.length > LONGEST) return KEEP;
  const known = bySpelling.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const found = Object.hasOwn(CLASSES, lower) ? CLASSES[lower]! : KEEP;
  if (bySpelling.size < MAX_SPELLINGS) bySpelling.set(flatCopy(name), found);
  return found;
}
