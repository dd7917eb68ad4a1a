/** A connection's bytes in both directions, and what the decoder has to say of them. */
export interface Case {
  readonly name: string;
  /** Turns, in order: what the client sends (`>`) and what the server sends (`<`). */
  readonly turns: readonly (readonly ['>' | '<', string])[];
  readonly events: readonly string[];
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const OK_EVENTS = (n: number): string[] => [`#${n} status 200 length`, `#${n} response 2 "ok"`, `#${n} end`];

export const CASES: readonly Case[] = [
  {
    name: 'reads a request and its response',
    turns: [['>', 'GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n'], ['<', OK]],
    events: ['#0 head GET /a?b HTTP/1.1 none', '#0 request 0', ...OK_EVENTS(0)],
  },
  {
    name: 'reads content of a known length, keep-alive, and skips empty lines before a request',
    turns: [
      ['>', 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello'],
      ['<', OK],
      ['>', '\r\n\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
      ['<', OK],
    ],
    events: [
      '#0 head POST / HTTP/1.1 length',
      '#0 request 5 "hello"',
      ...OK_EVENTS(0),
      '#1 head GET /2 HTTP/1.0 none',
      '#1 request 0',
      ...OK_EVENTS(1),
    ],
  },
  {
    name: 'pairs pipelined requests with their responses',
    turns: [
      ['>', 'GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nHEAD /3 HTTP/1.1\r\n\r\n'],
      ['<', `${OK}HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n`],
    ],
    events: [
      '#0 head GET /1 HTTP/1.1 none',
      '#0 request 0',
      '#1 head GET /2 HTTP/1.1 none',
      '#1 request 0',
      '#2 head HEAD /3 HTTP/1.1 none',
      '#2 request 0',
      ...OK_EVENTS(0),
      '#1 status 204 none',
      '#1 response 0',
      '#1 end',
      '#2 status 200 none',
      '#2 response 0',
      '#2 end',
    ],
  },
  {
    name: 'reads chunks with extensions and trailers in both directions',
    turns: [
      [
        '>',
        'PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n' +
          '5;a=b;c="d\\";"\r\nhello\r\n006\r\n world\r\n0\r\nDigest: x\r\nB:\r\n\r\n',
      ],
      ['<', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3 ; x\nabc\r\n0\r\n\r\n'],
    ],
    events: [
      '#0 head PUT /c HTTP/1.1 chunked',
      '#0 request 11 "hello world" Digest=x=B=',
      '#0 status 200 chunked',
      '#0 response 3 "abc"',
      '#0 end',
    ],
  },
  {
    name: 'reads a response that ends with the connection',
    turns: [['>', 'GET / HTTP/1.0\r\n\r\n'], ['<', 'HTTP/1.0 200 OK\r\n\r\nall of it']],
    events: ['#0 head GET / HTTP/1.0 none', '#0 request 0', '#0 status 200 close', '#0 response 9 "all of it"', '#0 end'],
  },
  {
    name: 'passes over interim responses',
    turns: [
      ['>', 'POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'],
      ['<', 'HTTP/1.1 100 Continue\r\n\r\n'],
      ['>', 'hi'],
      ['<', `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`],
    ],
    events: ['#0 head POST / HTTP/1.1 length', '#0 request 2 "hi"', ...OK_EVENTS(0)],
  },
  {
    name: 'takes a response that comes before the request is complete',
    turns: [
      ['>', 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab'],
      ['<', 'HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'],
      ['>', 'cd'],
    ],
    events: [
      '#0 head POST / HTTP/1.1 length',
      '#0 status 413 none',
      '#0 response 0',
      '#0 request 4 "abcd"',
      '#0 end',
    ],
  },
  {
    name: 'hands a connection over that is upgraded',
    turns: [
      ['>', 'GET /ws HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n'],
      ['<', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
      ['>', '\x81\x05GET /'],
    ],
    events: [
      '#0 head GET /ws HTTP/1.1 none',
      '#0 lost upgrade websocket',
      '#0 status 101 none',
      '#0 response 0',
      '#0 end',
    ],
  },
  {
    name: 'takes a refused upgrade for an ordinary request',
    turns: [
      ['>', 'POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx'],
      ['<', OK],
      ['>', 'GET /next HTTP/1.1\r\n\r\n'],
      ['<', OK],
    ],
    events: [
      '#0 head POST / HTTP/1.1 length',
      '#0 request 1 "x"',
      ...OK_EVENTS(0),
      '#1 head GET /next HTTP/1.1 none',
      '#1 request 0',
      ...OK_EVENTS(1),
    ],
  },
  {
    name: 'hands a CONNECT over, and reads on if it is refused',
    turns: [
      ['>', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
      ['<', 'HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n'],
      ['>', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
      ['<', 'HTTP/1.1 200 Connected\r\n\r\n'],
      ['>', 'GET /inner HTTP/1.1\r\n\r\n'],
    ],
    events: [
      '#0 lost upgrade connect',
      '#0 status 407 none',
      '#0 response 0',
      '#0 end',
      '#1 lost upgrade connect',
      '#1 status 200 none',
      '#1 response 0',
      '#1 end',
    ],
  },
  ...(
    [
      ['two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n', 'ambiguous content-length'],
      ['the same length twice', 'Content-Length: 3\r\nContent-Length: 3\r\n', 'ambiguous content-length'],
      ['a list of lengths', 'Content-Length: 3, 3\r\n', 'ambiguous content-length'],
      ['a signed length', 'Content-Length: +3\r\n', 'ambiguous content-length'],
      ['an empty length', 'Content-Length:\r\n', 'ambiguous content-length'],
      ['a length beyond counting', 'Content-Length: 99999999999999999999\r\n', 'ambiguous content-length'],
      ['a length and chunks', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', 'ambiguous length-and-chunked'],
      ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', 'ambiguous length-and-chunked'],
      ['a coding after chunked', 'Transfer-Encoding: chunked, gzip\r\n', 'ambiguous transfer-encoding'],
      ['a coding before chunked', 'Transfer-Encoding: gzip, chunked\r\n', 'ambiguous transfer-encoding'],
      ['an odd coding', 'Transfer-Encoding: xchunked\r\n', 'ambiguous transfer-encoding'],
      ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'ambiguous transfer-encoding'],
      ['a space before the colon', 'Transfer-Encoding : chunked\r\n', 'ambiguous whitespace'],
      ['a folded line', 'A: b\r\n c\r\n', 'ambiguous whitespace'],
      ['a folded coding', 'Transfer-Encoding:\r\n chunked\r\n', 'ambiguous whitespace'],
      ['a first line that begins with a space', ' A: b\r\n', 'ambiguous whitespace'],
      ['a bare LF', 'A: b\n', 'ambiguous line-ending'],
      ['a bare CR', 'A: b\rContent-Length: 3\r\n', 'ambiguous line-ending'],
    ] as const
  ).map(([name, fields, outcome]) => ({
    name: `trusts nothing after ${name}`,
    turns: [
      ['>', `POST / HTTP/1.1\r\n${fields}\r\n`] as const,
      ['>', 'GET /smuggled HTTP/1.1\r\n\r\n'] as const,
      ['<', OK] as const,
    ],
    events: [`#0 lost ${outcome}`, ...OK_EVENTS(0)],
  })),
  ...(
    [
      ['a line without a colon', 'GET / HTTP/1.1\r\nnonsense\r\n\r\n', 'header'],
      ['a control character in a value', 'GET / HTTP/1.1\r\nA: \x01\r\n\r\n', 'header'],
      ['a NUL in a value', 'GET / HTTP/1.1\r\nA: a\0b\r\n\r\n', 'header'],
      ['a name that is no token', 'GET / HTTP/1.1\r\nA(b: c\r\n\r\n', 'header'],
      ['HTTP/0.9', 'GET /\r\n\r\n', 'request-line'],
      ['an unknown version', 'GET / HTTP/1.2\r\n\r\n', 'request-line'],
      ['space after the version', 'GET / HTTP/1.1 \r\n\r\n', 'request-line'],
      ['a relative target', 'GET x HTTP/1.1\r\n\r\n', 'request-line'],
      ['a space in the target', 'GET /a b HTTP/1.1\r\n\r\n', 'request-line'],
    ] as const
  ).map(([name, head, reason]) => ({
    name: `refuses ${name}, and reads on`,
    turns: [['>', head] as const, ['<', OK] as const, ['>', 'GET /on HTTP/1.1\r\n\r\n'] as const, ['<', OK] as const],
    events: [`#0 lost malformed ${reason}`, ...OK_EVENTS(0), '#1 head GET /on HTTP/1.1 none', '#1 request 0', ...OK_EVENTS(1)],
  })),
  ...(
    [
      ['a size that is none', 'x\r\n'],
      ['space before an extension', '3 ;a\r\nabc\r\n0\r\n\r\n'],
      ['a bare LF after a size', '3\nabc\r\n0\r\n\r\n'],
      ['content longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
      ['a size beyond counting', 'ffffffffffffffff\r\nabc'],
      ['a broken trailer', '0\r\nT\r\n\r\n'],
    ] as const
  ).map(([name, content]) => ({
    name: `refuses chunks with ${name}`,
    turns: [['>', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${content}`] as const, ['<', OK] as const],
    events: ['#0 head POST / HTTP/1.1 chunked', '#0 lost malformed chunk', ...OK_EVENTS(0)],
  })),
  {
    name: 'reads a response whose lines end in LF and are folded',
    turns: [['>', 'GET / HTTP/1.1\r\n\r\n'], ['<', 'HTTP/1.1 200 OK\nA: b\n c\nContent-Length: 2\n\nok']],
    events: ['#0 head GET / HTTP/1.1 none', '#0 request 0', ...OK_EVENTS(0)],
  },
  {
    name: 'takes bytes above 127 in targets and values',
    turns: [['>', 'GET /\xe9 HTTP/1.1\r\nA: \xff\r\n\r\n'], ['<', OK]],
    events: ['#0 head GET /\xe9 HTTP/1.1 none', '#0 request 0', ...OK_EVENTS(0)],
  },
  {
    name: 'takes methods that are not registered',
    turns: [['>', 'PURGE /x HTTP/1.1\r\n\r\n'], ['<', OK]],
    events: ['#0 head PURGE /x HTTP/1.1 none', '#0 request 0', ...OK_EVENTS(0)],
  },
];
