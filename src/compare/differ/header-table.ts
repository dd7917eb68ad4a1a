/** How values of a header are compared. */
export type HeaderMeaning =
  /** Not at all, unless the policy names the header. */
  | 'ignored'
  /** A list whose order and spaces say nothing, in any case. */
  | 'set'
  /** A value with parameters (RFC 9110 section 5.6.6). */
  | 'parameters'
  /** By names and attributes of the cookies. */
  | 'cookies';

interface HeaderRow {
  readonly names: readonly string[];
  readonly meaning: HeaderMeaning;
  /** For docs/compare.md, which a test holds to this table. */
  readonly why: string;
}

/** Headers that are not compared as they stand. Names are lower-case; `*` at the end stands for any rest. */
export const HEADER_TABLE: readonly HeaderRow[] = [
  {
    names: ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'alt-svc'],
    meaning: 'ignored',
    why: 'belong to the connection, not to the answer',
  },
  { names: ['content-length'], meaning: 'ignored', why: 'content itself is compared; compared for `HEAD` where both sides give it' },
  { names: ['content-encoding'], meaning: 'ignored', why: 'is undone before content is compared' },
  { names: ['date', 'age', 'expires'], meaning: 'ignored', why: 'tell when an answer was made' },
  { names: ['etag', 'last-modified'], meaning: 'ignored', why: 'name a copy of content, often by its file or process; content itself is compared' },
  {
    names: ['server', 'via', 'x-served-by', 'x-cache', 'x-cache-hits', 'x-timer'],
    meaning: 'ignored',
    why: 'tell who answered, or who passed the answer on',
  },
  {
    names: [
      'x-request-id', 'x-correlation-id', 'request-id', 'traceparent', 'tracestate', 'traceresponse', 'baggage', 'b3', 'x-b3-*', 'x-amzn-trace-id',
      'x-amzn-requestid', 'x-amz-request-id', 'x-amz-id-2', 'x-amz-cf-id', 'x-cloud-trace-context', 'x-datadog-*', 'x-ms-request-id', 'cf-ray',
    ],
    meaning: 'ignored',
    why: 'are drawn anew for each request',
  },
  {
    names: ['server-timing', 'x-response-time', 'x-runtime', 'x-envoy-upstream-service-time', 'x-kong-*-latency'],
    meaning: 'ignored',
    why: 'tell how long it took; latency is judged by itself',
  },
  { names: ['set-cookie'], meaning: 'cookies', why: 'names and attributes are compared, neither values nor `Expires`' },
  {
    names: [
      'vary', 'cache-control', 'pragma', 'allow', 'accept-ranges', 'accept-patch', 'accept-post', 'access-control-allow-headers',
      'access-control-allow-methods', 'access-control-expose-headers',
    ],
    meaning: 'set',
    why: 'are lists: their order, spaces and case say nothing; `Accept-Encoding` in `Vary` does not count, as the encoding does not',
  },
  {
    names: ['content-type', 'accept', 'strict-transport-security'],
    meaning: 'parameters',
    why: 'are words with parameters, whose order, spaces and case (but of boundaries) say nothing; quotes neither',
  },
];

/** Headers whose values are words of a protocol or numbers, which examples may show. */
export const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  'content-type', 'content-length', 'content-language', 'content-encoding', 'cache-control', 'pragma', 'vary', 'allow', 'accept-ranges',
  'retry-after', 'strict-transport-security', 'x-content-type-options', 'x-frame-options', 'x-xss-protection', 'referrer-policy',
  'access-control-allow-headers', 'access-control-allow-methods', 'access-control-allow-credentials', 'access-control-expose-headers',
  'access-control-max-age', 'cross-origin-opener-policy', 'cross-origin-resource-policy', 'cross-origin-embedder-policy', 'x-powered-by',
  'server', 'age', 'transfer-encoding', 'connection', 'expect-ct', 'x-ratelimit-limit', 'x-ratelimit-remaining', 'grpc-encoding',
  'grpc-accept-encoding',
]);

const exact = new Map<string, HeaderMeaning>();
const prefixes: [string, string, HeaderMeaning][] = [];
for (const { names, meaning } of HEADER_TABLE) {
  for (const name of names) {
    const star = name.indexOf('*');
    if (star < 0) exact.set(name, meaning);
    else prefixes.push([name.slice(0, star), name.slice(star + 1), meaning]);
  }
}

/** @param name lower-case @returns null for a header that is compared as it stands */
export function meaningOf(name: string): HeaderMeaning | null {
  const meaning = exact.get(name);
  if (meaning !== undefined) return meaning;
  for (const [start, end, wide] of prefixes) if (name.startsWith(start) && name.endsWith(end)) return wide;
  return null;
}
