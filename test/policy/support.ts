import { Exchange, HttpRequest } from '../../src/http/exchange.ts';
import { formatPath } from '../../src/policy/check.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { validatePolicy } from '../../src/policy/validate.ts';

/** A MirrorPolicy document that is right; fields of `spec` are replaced or added. */
export function policyDocument(spec: Record<string, unknown> = {}, name = 'p'): Record<string, unknown> {
  return {
    apiVersion: 'shadowtap.dev/v1alpha1',
    kind: 'MirrorPolicy',
    metadata: { name },
    spec: { selector: {}, targets: [{ url: 'http://127.0.0.1:9090' }], ...spec },
  };
}

export function policy(spec: Record<string, unknown> = {}, name = 'p'): MirrorPolicy {
  const { value, problems } = validatePolicy(policyDocument(spec, name));
  if (value === null) throw new Error(JSON.stringify(problems));
  return value;
}

/** What is wrong with a document, as `path: message`; empty where nothing is. */
export function complaints(document: unknown): string[] {
  const { problems } = validatePolicy(document);
  return (problems ?? []).map(({ path, message }) => `${formatPath(path)}: ${message}`);
}

export interface RequestParts {
  /** `HTTP/1.1` where not given. */
  readonly version?: string;
  readonly method?: string;
  readonly target?: string;
  /** Flat: name, value, name, value. */
  readonly headers?: string[];
}

/** A call of gRPC; fields are replaced. */
export function grpcCall(target: string, parts: RequestParts = {}): RequestParts {
  return { version: 'HTTP/2', method: 'POST', target, headers: ['content-type', 'application/grpc', 'te', 'trailers'], ...parts };
}

export function exchange({ version = 'HTTP/1.1', method = 'GET', target = '/', headers = [] }: RequestParts = {}): Exchange {
  const made = new Exchange(
    { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 },
    0,
    version === 'HTTP/2' ? 'h2' : 'h1',
  );
  made.request = new HttpRequest();
  made.request.version = version;
  made.request.method = method;
  made.request.target = target;
  made.request.headers = headers;
  return made;
}

/** Uniform numbers in [0, 1) that are the same in each run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
