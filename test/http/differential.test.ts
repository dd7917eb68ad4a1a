import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newFlowCounters } from '../../src/flow/counters.ts';
import type { StreamHandler } from '../../src/flow/stream.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { Exchange, ExchangeHandler, HttpMessage } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { FileTap } from '../../src/tap/file-tap.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { corpusFolder, readIndex } from '../corpus/oracle.ts';
import { NODE_METHODS, parseWithNode } from './node-parser.ts';
import type { ParsedMessage } from './node-parser.ts';

/** Where we read a request otherwise than Node's parser, and why. */
const DISAGREEMENTS: readonly { readonly reason: string; readonly in: (text: string, ours: readonly ParsedMessage[]) => boolean }[] = [
  {
    reason: 'methods outside of the registry are taken: nginx, Go and Java servers take them, Node alone has a list',
    in: (_, ours) => ours.some(({ start }) => !NODE_METHODS.includes(start.split(' ')[0]!)),
  },
  {
    reason: 'bytes above 127 in a target are taken: nginx, Apache and Go take them',
    in: (text) => /^[^\r\n ]+ +[\x21-\x7e]*[\x80-\xff][^\r\n ]* +HTTP/m.test(text),
  },
  {
    reason: 'an absolute target is looked at less closely: no server reads its framing otherwise for that',
    in: (text) => /^[^\r\n ]+ +(?:[a-z]+:\/\/|[^\/* ])\S* +HTTP/im.test(text),
  },
  {
    reason: 'HTTP/0.9, HTTP/2.0, RTSP and ICE are not HTTP/1.x: their requests cannot be mirrored as such',
    in: (text) => /^[A-Z-]+ +\S+ *(?:\r\n|\n|$)/m.test(text) || / (?:HTTP\/(?:0\.9|2\.0)|RTSP\/|ICE\/)/.test(text),
  },
  {
    reason: 'transfer codings beside chunked are ambiguous: Go and nginx refuse them, and a copy could not keep them',
    in: (text) => (text.match(/^transfer-encoding:/gim) ?? []).length > 1 || /^transfer-encoding:[ \t]*(?!chunked[ \t]*\r?$)/im.test(text),
  },
  {
    reason: 'Transfer-Encoding in HTTP/1.0 is faulty framing, RFC 9112 section 6.1',
    in: (text) => /HTTP\/1\.0\r\n[^]*^transfer-encoding:/im.test(text),
  },
  {
    reason: 'requests after one that closes the connection are read: the server answers them or not',
    in: (text) => /^connection:[^\r\n]*close/im.test(text) || /HTTP\/1\.0\r/.test(text),
  },
  {
    reason: 'Node’s parser leaves the connection at an Upgrade or CONNECT; here the response decides',
    in: (text) => /^upgrade:/im.test(text) || /CONNECT /.test(text),
  },
  {
    reason: 'lengths of 2^53 and more cannot be counted; no such request ever ends',
    in: (text) => /^content-length:[ \t]*\d{16,}/im.test(text) || /^[0-9a-f]{14,}/im.test(text),
  },
  {
    reason: 'heads are read up to 128 KiB, Node stops at 16',
    in: (text) => text.length > 16_000,
  },
];

/** Our decoder on one direction of a connection. @returns the whole requests, or responses; null for a lost request */
function parseWithOurs(kind: 'request' | 'response', bytes: Buffer): (ParsedMessage | null)[] {
  const messages: (ParsedMessage | null)[] = [];
  const bodies = new Map<HttpMessage, string>();
  const sink = (message: HttpMessage): void => {
    bodies.set(message, '');
    message.sink = {
      write: (data, start, end) => void bodies.set(message, bodies.get(message)! + data.toString('latin1', start, end)),
    };
  };
  const add = (start: string, message: HttpMessage): void => {
    messages.push({ start, headers: message.headers, trailers: message.trailers, body: bodies.get(message) ?? '' });
  };
  const handler: ExchangeHandler = {
    onRequestHead: ({ request }: Exchange) => sink(request!),
    onRequest: ({ request }: Exchange) => add(`${request!.method} ${request!.target}`, request!),
    onRequestLost: () => void messages.push(null),
    onResponseHead: ({ response }: Exchange) => sink(response!),
    onResponse: ({ response }: Exchange) => {
      if (kind === 'response' && response!.complete) add(`${response!.status}`, response!);
    },
    onExchangeEnd: () => {},
  };
  const info = { id: 1, endpoint: 0, clientAddress: '', clientPort: 0, serverAddress: '', serverPort: 0 };
  const connection = new HttpConnection(info, { mute: () => {} }, handler, defaultHttpOptions(), newHttpCounters());
  const direction = kind === 'request' ? TO_SERVER : TO_CLIENT;
  connection.onData(direction, bytes, 0, bytes.length, 1);
  connection.onFin(direction, 2);
  connection.onEnd('fin', 3);
  return messages;
}

/** Fails unless both read the same whole requests, or the difference is listed. @returns the reason if it is */
function compareRequests(text: string): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const node = parseWithNode('request', bytes);
  const ours = parseWithOurs('request', bytes);
  // Where Node refuses a request it closes the connection; we lose that request too, but may read on.
  const lost = ours.indexOf(null);
  const read = (lost < 0 ? ours : ours.slice(0, lost)).filter((message) => message !== null);
  if (JSON.stringify(read) === JSON.stringify(node.messages)) return null;
  const known = DISAGREEMENTS.find((disagreement) => disagreement.in(text, read));
  if (known !== undefined) return known.reason;
  expect({ text, messages: read }, `Node stops with ${node.stop}`).toEqual({ text, messages: node.messages });
  return null;
}

const CAP = { interruptAfterTimeLimit: 5000, markInterruptAsFailure: false, numRuns: 20_000 } as const;

const requestLine = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'M-SEARCH', 'PUT', 'get', 'GE T', ''),
    fc.constantFrom(' ', ' ', ' ', '  ', '\t', ''),
    fc.constantFrom('/', '/a?b=c', '*', '/%41#x', '/a"<>', 'x', '', '/a b', '/\x01', '/\x7f', '//x', '/\\'),
    fc.constantFrom(' ', ' ', ' ', '  ', ''),
    fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/1.', 'http/1.1', 'HTTP/1.1 ', 'HTTP/11'),
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'),
  )
  .map((parts) => parts.join(''));

const field = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('Host: x\r\n', 'A:b\r\n', 'Accept: */*  \r\n', 'B:\r\n', 'C: \t d\t\r\n', 'D: \x80\xff\r\n') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'Content-Length: 3\r\n',
      'Content-Length: 0\r\n',
      'content-length:003\r\n',
      'Content-Length: 4\r\n',
      'Content-Length: -1\r\n',
      'Content-Length: 3 \r\n',
      'Content-Length: 3,3\r\n',
      'Content-Length:\r\n',
      'Content-Length: 3\r\n 4\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding:CHUNKED \r\n',
      'Transfer-Encoding : chunked\r\n',
      'Transfer-Encoding:\r\n chunked\r\n',
      'Transfer-Encoding: \x0bchunked\r\n',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('E: f\n', 'E: f\r', 'E: \0\r\n', 'E: f\r\n g\r\n', ' E: f\r\n', 'E : f\r\n', 'E\r\n', ': f\r\n', 'E(: f\r\n', 'E: f\r\r\n', '\n', 'E: \x7f\r\n'),
  },
);

const content = fc.constantFrom(
  '',
  'abc',
  'abcd',
  '3\r\nabc\r\n0\r\n\r\n',
  '3;e=f\r\nabc\r\n0\r\nT: u\r\n\r\n',
  '3;e="f;\\""\r\nabc\r\n00\r\n\r\n',
  '3 \r\nabc\r\n0\r\n\r\n',
  '3;\r\nabc\r\n0\r\n\r\n',
  '3\nabc\r\n0\r\n\r\n',
  '3\r\nabcd\r\n0\r\n\r\n',
  '3\r\nabc\n0\r\n\r\n',
  '0x3\r\nabc\r\n0\r\n\r\n',
  '+3\r\nabc\r\n0\r\n\r\n',
  '0\r\nT : u\r\n\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  '0\r\nT: u\n\r\n',
  'F\r\n0123456789abcde\r\n0\r\n\r\n',
);

const request = fc
  .tuple(requestLine, fc.array(field, { maxLength: 5 }), fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'), content)
  .map(([line, fields, blank, body]) => line + fields.join('') + blank + body);

const VALID =
  'POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nAccept: */*\r\n\r\n' +
  '4;a=b\r\nabcd\r\n0\r\nT: u\r\n\r\nPUT /c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /d HTTP/1.1\r\nHost: x\r\n\r\n';

describe('against Node’s own parser', () => {
  it('reads generated requests alike', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), (requests) => {
        compareRequests(requests.join(''));
      }),
      CAP,
    );
  });

  it('reads a valid stream alike with any byte replaced, removed or inserted', () => {
    const bytes = ['\r', '\n', ' ', '\t', ':', '\0', 'a', ';', '"', '0', '9', '\x80', '/', ','];
    const reasons = new Map<string, number>();
    for (let at = 0; at <= VALID.length; at++) {
      for (const byte of ['', ...bytes]) {
        for (const removed of byte === '' ? [1] : [0, 1]) {
          const reason = compareRequests(VALID.slice(0, at) + byte + VALID.slice(at + removed));
          if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        }
      }
    }
    const total = [...reasons.values()].reduce((sum, n) => sum + n, 0);
    expect(total, 'differences are the exception').toBeLessThan(VALID.length * 29 * 0.1);
  });

  it('reads whatever response Node accepts as Node does', () => {
    const statusLine = fc.constantFrom('HTTP/1.1 200 OK\r\n', 'HTTP/1.1 404\r\n', 'HTTP/1.0 204 x y\r\n', 'HTTP/1.1 500 \xe9\r\n');
    const response = fc
      .tuple(statusLine, fc.array(field, { maxLength: 4 }), content)
      .map(([line, fields, body]) => `${line}${fields.join('')}\r\n${body}`);
    fc.assert(
      fc.property(fc.array(response, { minLength: 1, maxLength: 2 }), (responses) => {
        const bytes = Buffer.from(responses.join(''), 'latin1');
        const node = parseWithNode('response', bytes);
        if (node.stop !== null) return;
        expect(parseWithOurs('response', bytes)).toEqual(node.messages);
      }),
      CAP,
    );
  });

  it('reads the requests of real captures alike', { timeout: 120_000 }, async () => {
    const index = readIndex();
    if (index === null) {
      expect(existsSync(corpusFolder())).toBe(false);
      expect(process.env['CI'], 'the corpus has to be there').not.toBe('true');
      return;
    }
    let streams = 0;
    for (const entry of index) {
      for (const text of await clientStreams(join(corpusFolder(), entry.file))) {
        streams++;
        compareRequests(text);
      }
    }
    expect(streams).toBeGreaterThan(1000);
  });
});

/** What the client sent on each connection of a capture, up to the first hole; only what begins like HTTP. */
async function clientStreams(path: string): Promise<string[]> {
  const streams: string[] = [];
  const collect = (): StreamHandler => {
    let text = '';
    let whole = true;
    return {
      onData(direction, data, start, end) {
        if (direction === TO_SERVER && whole) text += data.toString('latin1', start, end);
      },
      onGap(direction) {
        if (direction === TO_SERVER) whole = false;
      },
      onFin() {},
      onResync() {},
      onEnd() {
        if (/^[A-Z]+ [^\r\n]*\r\n/.test(text)) streams.push(text);
      },
    };
  };
  const table = new FlowTable(collect, {}, newFlowCounters());
  let lastUs = 0;
  await new FileTap(path).run({
    onSegment(segment) {
      lastUs = segment.timeUs;
      table.onSegment(segment);
    },
  });
  table.close(lastUs);
  return streams;
}
