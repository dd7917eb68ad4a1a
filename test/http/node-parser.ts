import { createRequire } from 'node:module';

/** A message as a parser saw it, whole. */
export interface ParsedMessage {
  /** Method and target, or status. */
  readonly start: string;
  readonly headers: readonly string[];
  readonly trailers: readonly string[];
  readonly body: string;
}

export interface NodeVerdict {
  readonly messages: readonly ParsedMessage[];
  /** Node's error code, `upgrade` where it hands the connection over, or null. */
  readonly stop: string | null;
}

/** Node's own parser (llhttp), as its HTTP server and client use it. */
interface NodeParser {
  [event: number]: unknown;
  initialize(type: number, resource: object): void;
  execute(data: Buffer): number | (Error & { code?: string });
  finish(): undefined | (Error & { code?: string });
}
interface NodeParserClass {
  new (): NodeParser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  HTTPParser: NodeParserClass;
  methods: readonly string[];
};

/** llhttp numbers the methods of RTSP before QUERY; Node's public list leaves them out. */
const QUERY = 46;

/** What Node makes of the bytes; they are all that comes on the connection. */
export function parseWithNode(kind: 'request' | 'response', bytes: Buffer): NodeVerdict {
  const parser = new HTTPParser();
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  const messages: ParsedMessage[] = [];
  let start = '';
  let headers: string[] | null = null;
  // Fields beyond the first few, and all after a trailer section, come in pieces of their own, with the target.
  let overflow: string[] = [];
  let target = '';
  let body = '';
  parser[HTTPParser.kOnHeaders] = (more: string[], url: string) => {
    overflow.push(...more);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    all: string[] | undefined,
    method: number | undefined,
    url: string | undefined,
    status: number | undefined,
  ) => {
    start = kind === 'request' ? `${method === QUERY ? 'QUERY' : methods[method ?? -1]} ${url ?? target}` : `${status}`;
    headers = all ?? overflow;
    overflow = [];
    target = '';
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part: Buffer) => {
    body += part.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    messages.push({ start, headers: headers ?? [], trailers: overflow, body });
    overflow = [];
    target = '';
    body = '';
    headers = null;
  };
  const taken = parser.execute(bytes);
  if (taken instanceof Error) return { messages, stop: taken.code ?? taken.message };
  if (taken !== bytes.length) return { messages, stop: 'upgrade' };
  const end = parser.finish();
  return { messages, stop: end instanceof Error ? (end.code ?? end.message) : null };
}

export { methods as NODE_METHODS };
