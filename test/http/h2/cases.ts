import type { Case } from '../cases.ts';
import {
  answer, continuation, data, END_HEADERS, END_STREAM, frame, get, goaway, headers, hpack, padded, PADDED, ping, PREFACE, PRIORITY, priority,
  pushPromise, requestBlock, reset, responseBlock, settings, settingsAck, windowUpdate, wire,
} from './frames.ts';

const HELLO = [PREFACE, settings(), windowUpdate(0, 2 ** 31 - 1)];
const LAST = END_HEADERS | END_STREAM;

/** A POST with a body on stream 1, up to its end. */
const post = (...fields: string[]): Buffer => headers(1, requestBlock('/p', 'POST', ...fields));

/** A connection that begins as it should; then the client sends `bytes`. */
const client = (...bytes: Buffer[]): readonly ['>', string] => ['>', wire(...HELLO, ...bytes)];
const server = (...bytes: Buffer[]): readonly ['<', string] => ['<', wire(settings(), settingsAck(), ...bytes)];

export const H2_CASES: readonly Case[] = [
  {
    name: 'h2: reads a request and its response',
    turns: [client(get(1, '/a?b')), server(headers(1, responseBlock(200)), data(1, 'hello', END_STREAM))],
    events: ['#0 head GET /a?b HTTP/2 none', '#0 request 0', '#0 status 200 stream', '#0 response 5 "hello"', '#0 end'],
  },
  {
    name: 'h2: reads interleaved streams, with content in pieces, and their responses in another order',
    turns: [
      client(headers(1, requestBlock('/1', 'POST')), data(1, 'one '), headers(3, requestBlock('/3', 'PUT')), data(3, 'three'), data(1, 'more', END_STREAM), data(3, '', END_STREAM)),
      server(answer(3, 204), headers(1, responseBlock(201)), data(1, 'x', END_STREAM)),
    ],
    events: [
      '#0 head POST /1 HTTP/2 stream',
      '#1 head PUT /3 HTTP/2 stream',
      '#0 request 8 "one more"',
      '#1 request 5 "three"',
      '#1 status 204 none',
      '#1 response 0',
      '#1 end',
      '#0 status 201 stream',
      '#0 response 1 "x"',
      '#0 end',
    ],
  },
  {
    name: 'h2: takes padding and priority away, and joins fragments of a head',
    turns: [
      client(
        headers(1, padded(Buffer.concat([Buffer.from('\0\0\0\x03\x0f'), requestBlock('/p', 'POST').subarray(0, 20)]), 7), PADDED | PRIORITY),
        continuation(1, requestBlock('/p', 'POST').subarray(20, 30), 0),
        continuation(1, Buffer.alloc(0), 0),
        continuation(1, requestBlock('/p', 'POST').subarray(30)),
        data(1, padded('abc', 255), PADDED),
        data(1, padded('', 0), PADDED),
        data(1, padded('', 9), PADDED | END_STREAM),
      ),
      server(headers(1, padded(responseBlock(), 3), PADDED | LAST)),
    ],
    events: ['#0 head POST /p HTTP/2 stream', '#0 request 3 "abc"', '#0 status 200 none', '#0 response 0', '#0 end'],
  },
  {
    name: 'h2: passes over frames that say nothing of messages, known or not, between those that do',
    turns: [
      client(priority(1), ping(), post(), frame(0xbb, 0xff, 5, 'unknown'), frame(0x10, 0, 0, 'PRIORITY_UPDATE'), windowUpdate(1, 2 ** 31 - 1), data(1, 'abc'), ping(), data(1, '', END_STREAM)),
      server(ping(), frame(0xa, 0, 0, 'ALTSVC'), headers(1, responseBlock(100)), headers(1, responseBlock(103, 'link', '</x>')), answer(1, 204)),
    ],
    events: ['#0 head POST /p HTTP/2 stream', '#0 request 3 "abc"', '#0 status 204 none', '#0 response 0', '#0 end'],
  },
  {
    name: 'h2: keeps trailers of both sides',
    turns: [
      client(post('te', 'trailers'), data(1, 'abc'), headers(1, hpack.block('x-sum', '1'), LAST)),
      server(headers(1, responseBlock()), data(1, 'ok'), headers(1, hpack.block('grpc-status', '0', 'grpc-message', ''), LAST)),
    ],
    events: ['#0 head POST /p HTTP/2 stream', '#0 request 3 "abc" x-sum=1', '#0 status 200 stream', '#0 response 2 "ok"', '#0 end'],
  },
  {
    name: 'h2: loses what a side resets, whichever it is',
    turns: [
      client(post(), data(1, 'abc'), get(3, '/3'), reset(1, 8)),
      server(headers(3, responseBlock()), data(3, 'x'), reset(3, 2)),
      ['>', wire(headers(5, requestBlock('/5', 'POST')), data(5, 'abc'))],
      ['<', wire(headers(5, responseBlock(413), LAST), reset(5, 0))],
    ],
    events: [
      '#0 head POST /p HTTP/2 stream',
      '#1 head GET /3 HTTP/2 none',
      '#1 request 0',
      '#0 lost incomplete reset',
      '#0 end',
      '#1 status 200 stream',
      '#1 response 1 "x" cut',
      '#1 end',
      '#2 head POST /5 HTTP/2 stream',
      '#2 status 413 none',
      '#2 response 0',
      '#2 lost incomplete reset',
      '#2 end',
    ],
  },
  {
    name: 'h2: gives up what the server will not process, and reads on what it will',
    turns: [
      client(post(), headers(3, requestBlock('/3', 'POST'))),
      server(goaway(1, 0, 'for people')),
      ['>', wire(data(3, 'late', END_STREAM), data(1, 'abc', END_STREAM))],
      ['<', wire(answer(1))],
    ],
    events: [
      '#0 head POST /p HTTP/2 stream',
      '#1 head POST /3 HTTP/2 stream',
      '#1 lost incomplete reset',
      '#1 end',
      '#0 request 3 "abc"',
      '#0 status 200 none',
      '#0 response 0',
      '#0 end',
    ],
  },
  {
    name: 'h2: counts pushed requests and ignores their responses, and keeps the header table right',
    turns: [
      client(get(1, '/')),
      server(
        pushPromise(1, 2, Buffer.concat([requestBlock('/pushed'), hpack.inserted('x-pushed', 'yes')])),
        headers(2, Buffer.concat([hpack.indexed(8), hpack.inserted('x-two', '2')])),
        data(2, 'pushed', END_STREAM),
        headers(1, Buffer.concat([hpack.indexed(8), hpack.indexed(63)]), LAST),
      ),
    ],
    events: ['#0 head GET / HTTP/2 none', '#0 request 0', '#0 status 200 none', '#0 response 0', '#0 end'],
  },
  {
    name: 'h2: hands over CONNECT, plain and extended',
    turns: [
      client(
        headers(1, hpack.block(':method', 'CONNECT', ':authority', 'a:1')),
        headers(3, Buffer.concat([requestBlock('/chat', 'CONNECT'), hpack.block(':protocol', 'websocket')])),
        headers(5, Buffer.concat([hpack.block(':protocol', 'other'), requestBlock('/o', 'CONNECT')])),
        data(3, 'frames of its own'),
      ),
      server(headers(3, responseBlock())),
    ],
    events: [
      '#0 lost upgrade connect',
      '#1 lost upgrade websocket',
      '#2 lost upgrade other',
      '#1 status 200 stream',
      '#0 end',
      '#1 response 0 cut',
      '#1 end',
      '#2 end',
    ],
  },
  {
    name: 'h2: takes the upgrade from HTTP/1.1: stream 1 answers its request',
    turns: [
      ['>', 'POST /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nhi'],
      ['<', `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n${wire(settings(), headers(1, responseBlock()), data(1, 'one', END_STREAM))}`],
      client(get(3, '/3')),
      server(answer(3)),
    ],
    events: [
      '#0 head POST /up HTTP/1.1 length',
      '#0 request 2 "hi"',
      '#0 status 200 stream',
      '#0 response 3 "one"',
      '#0 end',
      '#1 head GET /3 HTTP/2 none',
      '#1 request 0',
      '#1 status 200 none',
      '#1 response 0',
      '#1 end',
    ],
  },
  {
    name: 'h2: reads a server that speaks first',
    turns: [
      ['<', wire(settings(3, 100))],
      client(get(1, '/')),
      ['<', wire(settingsAck(), answer(1))],
    ],
    events: ['#0 head GET / HTTP/2 none', '#0 request 0', '#0 status 200 none', '#0 response 0', '#0 end'],
  },
  {
    name: 'h2: applies settings of both sides: header table and frame size',
    turns: [
      client(get(1, '/1')),
      ['<', wire(settings(1, 8192, 5, 20_000), answer(1))],
      [
        '>',
        wire(
          settingsAck(),
          headers(3, Buffer.concat([hpack.resize(8192), requestBlock('/3', 'POST'), hpack.inserted('a', 'x'.repeat(5000)), hpack.inserted('b', 'y')])),
          data(3, 'z'.repeat(20_000), END_STREAM),
          headers(5, Buffer.concat([requestBlock('/5'), hpack.indexed(63)]), LAST),
        ),
      ],
      ['<', wire(answer(3), answer(5))],
    ],
    events: [
      '#0 head GET /1 HTTP/2 none',
      '#0 request 0',
      '#0 status 200 none',
      '#0 response 0',
      '#0 end',
      '#1 head POST /3 HTTP/2 stream',
      `#1 request 20000 "${'z'.repeat(28)}…${'z'.repeat(28)}"`,
      '#2 head GET /5 HTTP/2 none',
      '#2 request 0',
      '#1 status 200 none',
      '#1 response 0',
      '#1 end',
      '#2 status 200 none',
      '#2 response 0',
      '#2 end',
    ],
  },
  {
    name: 'h2: refuses heads that servers refuse, and reads on',
    turns: [
      client(
        headers(1, hpack.block(':method', 'GET', ':scheme', 'http'), LAST),
        headers(3, Buffer.concat([hpack.block('a', 'b'), requestBlock('/late')]), LAST),
        headers(5, requestBlock('/c', 'GET', 'connection', 'close'), LAST),
        headers(7, requestBlock('/t', 'GET', 'te', 'gzip'), LAST),
        headers(9, requestBlock('/u', 'GET', 'Upper', 'case'), LAST),
        headers(11, requestBlock('/n', 'GET', 'n', 'a\r\nb: c'), LAST),
        headers(13, requestBlock('no-slash'), LAST),
        headers(15, Buffer.concat([requestBlock('/twice'), hpack.block(':path', '/x')]), LAST),
        headers(17, requestBlock('/s p'), LAST),
        headers(19, requestBlock('/ok'), LAST),
      ),
    ],
    events: [
      '#0 lost malformed request-line',
      '#1 lost malformed header',
      '#2 lost malformed header',
      '#3 lost malformed header',
      '#4 lost malformed header',
      '#5 lost malformed header',
      '#6 lost malformed request-line',
      '#7 lost malformed request-line',
      '#8 lost malformed request-line',
      '#9 head GET /ok HTTP/2 none',
      '#9 request 0',
      ...Array.from({ length: 10 }, (_, i) => `#${i} end`),
    ],
  },
  {
    name: 'h2: does not trust content of another length than was announced, or two lengths',
    turns: [
      client(
        post('content-length', '4'),
        data(1, 'abc', END_STREAM),
        headers(3, requestBlock('/3', 'POST', 'content-length', '3')),
        data(3, 'abc', END_STREAM),
        headers(5, requestBlock('/5', 'POST', 'content-length', '3', 'content-length', '3')),
        headers(7, requestBlock('/7', 'POST', 'content-length', '1'), LAST),
      ),
    ],
    events: [
      '#0 head POST /p HTTP/2 stream',
      '#0 lost ambiguous content-length',
      '#1 head POST /3 HTTP/2 stream',
      '#1 request 3 "abc"',
      '#2 lost ambiguous content-length',
      '#3 head POST /7 HTTP/2 none',
      '#3 lost ambiguous content-length',
      '#0 end',
      '#1 end',
      '#2 end',
      '#3 end',
    ],
  },
  {
    name: 'h2: reads no more of a client that breaks the rules',
    turns: [client(post(), headers(3, requestBlock('/3', 'POST')), data(3, 'abc', END_STREAM), headers(2, requestBlock('/even'), LAST), get(5, '/5')), server(answer(3))],
    events: [
      '#0 head POST /p HTTP/2 stream',
      '#1 head POST /3 HTTP/2 stream',
      '#1 request 3 "abc"',
      '#0 lost malformed frame',
      '#0 end',
      '#1 end',
    ],
  },
];
