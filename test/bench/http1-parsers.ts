/**
 * What it costs to parse a request and its response: our decoder, alone and behind the flow table, against llhttp (the
 * parser in Node) and http-parser-js. Run it with the pinned Node: `node test/bench/http1-parsers.ts`.
 * CPU time of this process, microseconds for a request with its response; the median of several rounds.
 */
import { createRequire } from 'node:module';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { Segment, TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { Conversation, fillSegment } from '../support/conversation.ts';

const SMALL = 'GET /index.html HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n';
const TEN_HEADERS =
  'GET /api/v1/items?page=2&sort=price HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\r\n' +
  'Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n' +
  'Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nX-Request-Id: 6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d\r\n' +
  'X-Forwarded-For: 203.0.113.7\r\nCache-Control: max-age=0\r\n\r\n';
const POST = `POST /api/v1/orders HTTP/1.1\r\nHost: shop.example.com\r\nContent-Type: application/json\r\nContent-Length: 512\r\n\r\n${'x'.repeat(512)}`;
const RESPONSE =
  'HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 22 Nov 2025 08:00:00 GMT\r\nContent-Type: text/html\r\nContent-Length: 100\r\n' +
  `Last-Modified: Sat, 22 Nov 2025 07:00:00 GMT\r\nConnection: keep-alive\r\nETag: "6921"\r\nAccept-Ranges: bytes\r\n\r\n${'y'.repeat(100)}`;

const LOADS = { 'GET, 1 header': SMALL, 'GET, 10 headers': TEN_HEADERS, 'POST, 512 bytes': POST } as const;
const CONNECTIONS = 64;
const REQUESTS = 100_000;
const ROUNDS = 7;

/** Runs about REQUESTS requests. @returns how many it ran */
type Candidate = (request: Buffer, response: Buffer) => () => number;

let seen = 0;
const COUNTING: ExchangeHandler = {
  onRequestHead() {},
  onRequest(exchange) {
    seen += exchange.request!.headers.length;
  },
  onRequestLost() {},
  onResponseHead() {},
  onResponse() {},
  onExchangeEnd() {},
};

const decoderAlone: Candidate = (request, response) => () => {
  const info = { id: 1, endpoint: 1, clientAddress: '', clientPort: 1, serverAddress: '', serverPort: 80 };
  const connections = Array.from(
    { length: CONNECTIONS },
    () => new HttpConnection(info, { mute() {} }, COUNTING, defaultHttpOptions(), newHttpCounters()),
  );
  for (let i = 0; i < REQUESTS; i++) {
    const connection = connections[i % CONNECTIONS]!;
    connection.onData(TO_SERVER, request, 0, request.length, i);
    connection.onData(TO_CLIENT, response, 0, response.length, i);
  }
  return REQUESTS;
};

const wholeLine: Candidate = (request, response) => () => {
  const http = newHttpCounters();
  const options = defaultHttpOptions();
  const table = new FlowTable((info, control) => new HttpConnection(info, control, COUNTING, options, http), {}, newFlowCounters());
  const segment = new Segment();
  const pairs = Array.from({ length: CONNECTIONS }, (_, n) => {
    const talk = new Conversation({ clientPort: 20_000 + n }).handshake();
    for (const packet of talk.packets) table.onSegment(fillSegment(segment, packet, true));
    talk.client(request, 65_535).server(response, 65_535);
    return talk.packets.slice(-2).map((packet) => fillSegment(new Segment(), packet, true));
  });
  for (let i = 0; i < REQUESTS; i++) {
    const [question, answer] = pairs[i % CONNECTIONS] as [Segment, Segment];
    question.timeUs = answer.timeUs = 1e6 + i * 10;
    table.onSegment(question);
    answer.ack = (question.seq + request.length) | 0;
    table.onSegment(answer);
    question.seq = answer.ack;
    answer.seq = (answer.seq + response.length) | 0;
    question.ack = answer.seq;
  }
  if (http.requests !== REQUESTS) throw new Error(`${http.requests} requests`);
  return REQUESTS;
};

interface Parser {
  [event: number]: unknown;
  initialize?(type: number, resource: object): void;
  execute(data: Buffer, start?: number, length?: number): unknown;
}
interface ParserClass {
  new (type?: number): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

function classic(HTTPParser: ParserClass): Candidate {
  const make = (type: number): Parser => {
    const parser = new HTTPParser(type);
    parser.initialize?.(type, {});
    parser[HTTPParser.kOnHeaders] = () => {};
    // http-parser-js hands over one object, llhttp a list of arguments.
    parser[HTTPParser.kOnHeadersComplete] = (first: number | { headers: string[] }, _minor: number, headers: string[]) => {
      seen += (typeof first === 'object' ? first.headers : headers).length;
      return 0;
    };
    parser[HTTPParser.kOnBody] = () => {};
    parser[HTTPParser.kOnMessageComplete] = () => {};
    return parser;
  };
  return (request, response) => () => {
    const parsers = Array.from({ length: CONNECTIONS }, () => [make(HTTPParser.REQUEST), make(HTTPParser.RESPONSE)] as const);
    for (let i = 0; i < REQUESTS; i++) {
      const [requests, responses] = parsers[i % CONNECTIONS]!;
      requests.execute(request, 0, request.length);
      responses.execute(response, 0, response.length);
    }
    return REQUESTS;
  };
}

function measure(run: () => number): number {
  run();
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    const requests = run();
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / requests);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

const require = createRequire(import.meta.url);
const candidates: Record<string, Candidate> = {
  'our decoder': decoderAlone,
  'our flow table and decoder': wholeLine,
  'llhttp (Node)': classic((require('_http_common') as { HTTPParser: ParserClass }).HTTPParser),
};
try {
  candidates['http-parser-js'] = classic((require('http-parser-js') as { HTTPParser: ParserClass }).HTTPParser);
} catch {
  console.log('http-parser-js is not installed: npm install --no-save http-parser-js');
}

const table: Record<string, Record<string, string>> = {};
for (const [name, candidate] of Object.entries(candidates)) {
  table[name] = {};
  for (const [load, request] of Object.entries(LOADS)) {
    const us = measure(candidate(Buffer.from(request), Buffer.from(RESPONSE)));
    table[name][`${load}, µs`] = us.toFixed(2);
  }
}
console.table(table);
console.log(`Node ${process.version}; ${seen > 0 ? 'a request and its response (8 headers, 100 bytes) each' : ''}`);
