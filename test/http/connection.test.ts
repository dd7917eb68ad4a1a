import { describe, expect, it } from 'vitest';
import type { EndReason, MuteReason } from '../../src/flow/stream.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { TO_CLIENT, TO_SERVER } from '../../src/tap/segment.ts';
import { EventLog } from '../support/decoder.ts';

/** A decoder whose stream is played by hand. */
class Wire {
  readonly log = new EventLog();
  readonly muted: MuteReason[] = [];
  readonly counters = newHttpCounters();
  readonly options = defaultHttpOptions();
  readonly #connection: HttpConnection;
  #timeUs = 0;

  constructor() {
    const info = { id: 1, endpoint: 0, clientAddress: '', clientPort: 0, serverAddress: '', serverPort: 0 };
    const control = { mute: (reason: MuteReason) => void this.muted.push(reason) };
    this.#connection = new HttpConnection(info, control, this.log, this.options, this.counters);
  }

  client(text: string): this {
    return this.#data(TO_SERVER, text);
  }

  server(text: string): this {
    return this.#data(TO_CLIENT, text);
  }

  clientGap(missing: number): this {
    this.#connection.onGap(TO_SERVER, missing, ++this.#timeUs);
    return this;
  }

  serverGap(missing: number): this {
    this.#connection.onGap(TO_CLIENT, missing, ++this.#timeUs);
    return this;
  }

  resync(): this {
    this.#connection.onResync(++this.#timeUs);
    return this;
  }

  end(reason: EndReason): string[] {
    this.#connection.onEnd(reason, ++this.#timeUs);
    expect(this.log.open, 'exchanges that never ended').toBe(0);
    expect(this.options.budget.used).toBe(0);
    return this.log.events;
  }

  #data(direction: typeof TO_SERVER | typeof TO_CLIENT, text: string): this {
    const bytes = Buffer.from(text, 'latin1');
    this.#connection.onData(direction, bytes, 0, bytes.length, ++this.#timeUs);
    return this;
  }
}

const POST = 'POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';
const NEXT = 'GET /next HTTP/1.1\r\n\r\n';
const NO_CONTENT = 'HTTP/1.1 204 No Content\r\n\r\n';
const nextEvents = (n: number): string[] => [`#${n} head GET /next HTTP/1.1 none`, `#${n} request 0`];
const answerEvents = (n: number): string[] => [`#${n} status 204 none`, `#${n} response 0`, `#${n} end`];

describe('after a gap', () => {
  it.each([
    ['inside of content of a known length', POST, 'abc', 4, 'hij'],
    ['that ends with the content', POST, 'abc', 7, ''],
    ['inside of a chunk', CHUNKED, '5\r\na', 3, 'e\r\n0\r\n\r\n'],
  ])('%s the framing goes on', (_, head, before, missing, after) => {
    const wire = new Wire().client(head + before).clientGap(missing).client(after + NEXT).server(NO_CONTENT + NO_CONTENT);
    const framing = head === POST ? 'length' : 'chunked';
    expect(wire.end('fin')).toEqual([
      `#0 head POST / HTTP/1.1 ${framing}`,
      '#0 lost incomplete gap',
      ...nextEvents(1),
      ...answerEvents(0),
      ...answerEvents(1),
    ]);
    expect(wire.counters.skippedBytes).toBe(0);
  });

  it.each([
    ['larger than the content', POST, 'abc', 400],
    ['of unknown length in content', POST, 'abc', Infinity],
    ['of unknown length in a chunk', CHUNKED, '5\r\na', Infinity],
    ['in a chunk’s size', CHUNKED, '5', 3],
    ['in a head', 'GET /lost HTTP/1.1\r\n', 'Host: ', 3],
  ])('%s it reads on at a segment that begins with a request line', (_, head, before, missing) => {
    const wire = new Wire().client(head + before).clientGap(missing).client(`rest ${NEXT}`).client(NEXT);
    const events = wire.end('fin');
    expect(events).toContain('#0 lost incomplete gap');
    expect(events).toEqual(expect.arrayContaining([...nextEvents(1)]));
    expect(wire.counters).toMatchObject({ resynchronised: 1, requests: 2 });
  });

  it('between requests it looks for the next request line', () => {
    const wire = new Wire().client(NEXT).server(NO_CONTENT).clientGap(50).client(NEXT).server(NO_CONTENT);
    expect(wire.end('fin')).toEqual([...nextEvents(0), ...answerEvents(0), ...nextEvents(1), ...answerEvents(1)]);
  });

  it('in responses it pairs the next status line with the newest request', () => {
    const wire = new Wire().client(NEXT).server(NO_CONTENT).client(NEXT).client(NEXT).serverGap(60).server(NO_CONTENT);
    expect(wire.end('fin').slice(5)).toEqual([...nextEvents(1), ...nextEvents(2), '#1 end', ...answerEvents(2)]);
  });

  it('in a response’s content the response is cut', () => {
    const wire = new Wire().client(NEXT).server('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc').serverGap(3).server('ghi');
    expect(wire.end('fin').slice(2)).toEqual(['#0 status 200 length', '#0 response 6 "abc" cut', '#0 end']);
  });
});

describe('at the end of a connection', () => {
  it.each([
    ['fin', 'closed'],
    ['rst', 'reset'],
    ['idle', 'timeout'],
    ['evicted', 'evicted'],
    ['reused', 'closed'],
    ['closed', 'shutdown'],
  ] as const)('%s: a request that is not whole is incomplete: %s', (end, reason) => {
    expect(new Wire().client(`${POST}abc`).end(end)).toEqual(['#0 head POST / HTTP/1.1 length', `#0 lost incomplete ${reason}`, '#0 end']);
    expect(new Wire().client(NEXT + 'GET /cut HTT').end(end).slice(2)).toEqual([
      `#1 lost incomplete ${reason}`,
      '#0 end',
      '#1 end',
    ]);
  });

  it('takes an upgrade that was never answered for what it usually is', () => {
    const ask = (protocol: string): string => `GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    expect(new Wire().client(ask('websocket')).end('idle')[1]).toBe('#0 lost upgrade websocket');
    expect(new Wire().client(ask('h2c')).end('idle')[1]).toBe('#0 request 0');
    expect(new Wire().client(ask('websocket')).client(NEXT).end('idle')[1]).toBe('#0 request 0');
    const wire = new Wire().client(ask('websocket')).client('\x81\x00');
    expect(wire.end('idle')[1]).toBe('#0 lost upgrade websocket');
    expect(wire.muted).toEqual(['upgrade']);
  });
});

describe('where the kernel resumes copying', () => {
  it('loses what was open and starts afresh', () => {
    const wire = new Wire().client(NEXT).server('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc').client(`${POST}abc`).resync();
    wire.server('rest of a response').client(NEXT).server(NO_CONTENT);
    expect(wire.end('fin')).toEqual([
      ...nextEvents(0),
      '#0 status 200 length',
      '#1 head POST / HTTP/1.1 length',
      '#1 lost incomplete resync',
      '#0 response 3 "abc" cut',
      '#0 end',
      '#1 end',
      ...nextEvents(2),
      ...answerEvents(2),
    ]);
  });
});

describe('a connection that is not HTTP', () => {
  it('is muted at once if it is TLS', () => {
    const wire = new Wire().client('\x16\x03\x01\x02\x00\x01');
    expect(wire.muted).toEqual(['tls']);
    expect(wire.end('fin')).toEqual([]);
  });

  it.each([
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['Redis', '*1\r\n$4\r\nPING\r\n', '+PONG\r\n'],
    ['SIP', 'OPTIONS sip:a@b SIP/2.0\r\n\r\n', 'SIP/2.0 200 OK\r\n\r\n'],
    ['SMTP', '', '220 mail\r\n'],
  ])('%s is muted when its server speaks', (_, client, server) => {
    const wire = new Wire().client(client).server(server);
    expect(wire.muted).toEqual(['other']);
    expect(wire.end('fin')).toEqual([]);
  });

  it('is HTTP nevertheless if its server answers so', () => {
    const wire = new Wire().client('\0\0GET / HTTP/1.1\r\n\r\n').server(NO_CONTENT).client(NEXT).server(NO_CONTENT);
    expect(wire.end('fin')).toEqual([...answerEvents(0), ...nextEvents(1), ...answerEvents(1)]);
    expect(wire.counters.unrequested).toBe(1);
  });
});

it('gives an answer that comes too early to the request whose head has begun, and only one', () => {
  const wire = new Wire().client('GET /next').server(NO_CONTENT).server(NO_CONTENT).client(' HTTP/1.1\r\n\r\n');
  expect(wire.end('fin')).toEqual([
    '#0 status 204 none',
    '#0 response 0',
    ...answerEvents(1),
    ...nextEvents(0),
    '#0 end',
  ]);
});

it('bounds the requests that wait for an answer', () => {
  const wire = new Wire();
  for (let i = 0; i < 1000; i++) wire.client(NEXT);
  expect(wire.log.open).toBe(256);
  for (let i = 0; i < 1000; i++) wire.server(NO_CONTENT);
  expect(wire.counters).toMatchObject({ requests: 1000, responses: 1000, unrequested: 744 });
  wire.end('fin');
});

describe('many requests before their answers', () => {
  const ask = (n: number): string => `GET /${n} HTTP/1.1\r\n\r\n`;
  // The status says which request it answers.
  const answer = (n: number): string => `HTTP/1.1 ${n + 200} OK\r\nContent-Length: 0\r\n\r\n`;

  /** The pairs that were reported: target and status. */
  function pairs(events: readonly string[]): [number, number][] {
    const targets = new Map<string, number>();
    const found: [number, number][] = [];
    for (const event of events) {
      const [id = '', kind, first, second] = event.split(' ');
      if (kind === 'head') targets.set(id, Number(second!.slice(1)));
      if (kind === 'status' && targets.has(id)) found.push([targets.get(id)!, Number(first) - 200]);
    }
    return found;
  }

  it('never gives up the one whose response is being read', () => {
    const wire = new Wire().client(ask(0)).server('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
    for (let i = 1; i <= 300; i++) wire.client(ask(i));
    wire.server('67890');
    for (let i = 1; i <= 300; i++) wire.server(answer(i));
    const found = pairs(wire.end('fin'));
    expect(found.filter(([request, status]) => request !== status)).toEqual([]);
    expect(found.length).toBe(256);
    expect(wire.log.events.filter((event) => event === '#0 end').length).toBe(1);
  });

  it('does not give the answer of one that was given up to one whose head has begun', () => {
    const wire = new Wire();
    for (let i = 0; i < 300; i++) wire.client(ask(i));
    wire.client('GET /300 HT');
    for (let i = 0; i < 300; i++) wire.server(answer(i));
    wire.client('TP/1.1\r\n\r\n').server(answer(300));
    const found = pairs(wire.end('fin'));
    expect(found.filter(([request, status]) => request !== status)).toEqual([]);
    expect(found.length).toBe(257);
  });

  it.each([
    ['a response was lost', (wire: Wire) => wire.client(ask(0) + ask(1) + ask(2)).serverGap(38).server(answer(1)).server(answer(2))],
    ['a request was lost', (wire: Wire) => wire.client(ask(0) + ask(1)).server(answer(0)).clientGap(19).client(ask(3)).server(answer(1) + answer(2) + answer(3))],
    [
      'a HEAD was given up',
      (wire: Wire) => {
        for (let i = 0; i < 257; i++) wire.client(i === 0 ? 'HEAD /0 HTTP/1.1\r\n\r\n' : ask(i));
        for (let i = 0; i < 257; i++) wire.server(i === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : answer(i));
        return wire;
      },
    ],
  ])('pairs no response any more once %s', (_, play) => {
    const wire = play(new Wire());
    wire.client(ask(4)).server(answer(4));
    const found = pairs(wire.end('fin'));
    expect(found.filter(([request, status]) => request !== status)).toEqual([]);
    expect(found.map(([request]) => request)).not.toContain(4);
  });
});
