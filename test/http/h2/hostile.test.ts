import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../../src/flow/budget.ts';
import { HttpConnection } from '../../../src/http/connection.ts';
import { newHttpCounters } from '../../../src/http/counters.ts';
import type { Exchange, ExchangeHandler } from '../../../src/http/exchange.ts';
import { TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Packet } from '../../support/conversation.ts';
import { decode } from '../../support/decoder.ts';
import { H2_CASES } from './cases.ts';
import { continuation, data, END_HEADERS, END_STREAM, get, headers, hpack, PREFACE, requestBlock, reset, settings, windowUpdate } from './frames.ts';

const KIB = 1024;
const FLOW = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };

/** Counts what came of requests; keeps nothing. */
class Counts implements ExchangeHandler {
  readonly outcomes: Record<string, number> = {};
  open = 0;
  mostOpen = 0;
  onRequestHead(): void {
    this.#begin();
  }
  onRequest(exchange: Exchange): void {
    this.#add('whole');
    exchange.request!.dropHead();
  }
  onRequestLost(exchange: Exchange, outcome: string, reason: string): void {
    if (exchange.context === null) this.#begin();
    this.#add(`${outcome} ${reason}`.trim());
    exchange.request!.dropHead();
  }
  onResponseHead(): void {}
  onResponse(): void {}
  onExchangeEnd(): void {}
  #begin(): void {
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
  }
  #add(outcome: string): void {
    this.open--;
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }
}

/** A client that has a budget to itself; the most of it that was ever in use is remembered. */
class Attack {
  readonly counts = new Counts();
  readonly budget: ByteBudget;
  mostUsed = 0;
  muted = '';
  readonly #connection: HttpConnection;

  constructor(budget = 1 << 20) {
    this.budget = new ByteBudget(budget);
    const options = { maxHeadBytes: 128 * KIB, budget: this.budget };
    const marked: ExchangeHandler = {
      onRequestHead: (exchange) => {
        exchange.context = 'seen';
        this.counts.onRequestHead();
      },
      onRequest: (exchange) => this.counts.onRequest(exchange),
      onRequestLost: (exchange, outcome, reason) => this.counts.onRequestLost(exchange, outcome, reason),
      onResponseHead: () => {},
      onResponse: () => {},
      onExchangeEnd: () => {},
    };
    this.#connection = new HttpConnection(FLOW, { mute: (reason) => (this.muted = reason) }, marked, options, newHttpCounters());
    this.client(PREFACE, settings());
    this.server(settings());
  }

  client(...parts: Buffer[]): this {
    return this.#feed(TO_SERVER, Buffer.concat(parts));
  }

  server(...parts: Buffer[]): this {
    return this.#feed(TO_CLIENT, Buffer.concat(parts));
  }

  end(): Record<string, number> {
    this.#connection.onEnd('fin', 2);
    expect(this.budget.used).toBe(0);
    expect(this.counts.open).toBe(0);
    return this.counts.outcomes;
  }

  #feed(direction: typeof TO_SERVER | typeof TO_CLIENT, bytes: Buffer): this {
    for (let at = 0; at < bytes.length && this.muted === ''; at += 1448) {
      this.#connection.onData(direction, bytes, at, Math.min(bytes.length, at + 1448), 1);
      this.mostUsed = Math.max(this.mostUsed, this.budget.used);
    }
    return this;
  }
}

describe('a hostile peer of HTTP/2', () => {
  it('that opens and resets streams without end is counted, and costs nothing', () => {
    const attack = new Attack(64 * KIB);
    for (let i = 0; i < 20_000; i++) attack.client(headers(i * 2 + 1, requestBlock('/'), END_HEADERS), reset(i * 2 + 1, 8));
    expect(attack.mostUsed).toBeLessThan(8 * KIB);
    expect(attack.end()).toEqual({ 'incomplete reset': 20_000 });
  });

  it('that sends CONTINUATION without end fills no memory, and its connection is read on', () => {
    const attack = new Attack();
    attack.client(headers(1, requestBlock('/flood'), END_STREAM));
    for (let i = 0; i < 1000; i++) attack.client(continuation(1, hpack.block('x', 'y'.repeat(4000)), 0));
    expect(attack.mostUsed).toBeLessThan(400 * KIB);
    attack.client(continuation(1, Buffer.alloc(0)), get(3, '/next'));
    expect(attack.end()).toEqual({ 'malformed head-too-large': 1, whole: 1 });
  });

  it('that sends empty CONTINUATIONs without end fills no memory', () => {
    const attack = new Attack();
    attack.client(headers(1, requestBlock('/'), END_STREAM));
    for (let i = 0; i < 100; i++) attack.client(Buffer.concat(Array.from({ length: 1000 }, () => continuation(1, Buffer.alloc(0), 0))));
    expect(attack.mostUsed).toBeLessThan(4 * KIB);
    attack.client(continuation(1, Buffer.alloc(0)));
    expect(attack.end()).toEqual({ whole: 1 });
  });

  it('that makes a small block a large head gets no large head', () => {
    const attack = new Attack();
    attack.client(headers(1, Buffer.concat([requestBlock('/'), hpack.inserted('x', 'y'.repeat(3900)), Buffer.alloc(12_000, hpack.indexed(62))]), END_HEADERS | END_STREAM));
    attack.client(get(3, '/next'));
    expect(attack.end()).toEqual({ 'malformed head-too-large': 1, whole: 1 });
  });

  it('that has its table made huge, or changes its size without end, gets no more than its share', () => {
    const attack = new Attack();
    attack.server(settings(1, 2 ** 32 - 1));
    attack.client(headers(1, Buffer.concat([hpack.resize(2 ** 28), requestBlock('/1')]), END_HEADERS | END_STREAM));
    for (let i = 0; i < 200; i++) attack.client(headers(3 + 2 * i, Buffer.concat([requestBlock('/x'), hpack.inserted(`n${i}`, 'v'.repeat(10_000))]), END_HEADERS | END_STREAM));
    expect(attack.mostUsed).toBeLessThan(400 * KIB);
    const sizes = Buffer.concat(Array.from({ length: 3000 }, (_, i) => hpack.resize(i % 2 === 0 ? 0 : 4096)));
    attack.client(headers(1001, Buffer.concat([sizes, requestBlock('/last')]), END_HEADERS | END_STREAM));
    expect(attack.end()).toEqual({ whole: 202 });
  });

  it('that opens thousands of streams and ends none has the oldest given up', () => {
    const attack = new Attack(8 << 20);
    for (let i = 0; i < 5000; i++) attack.client(headers(i * 2 + 1, requestBlock('/', 'POST'), END_HEADERS));
    expect(attack.counts.open).toBe(1024);
    expect(attack.mostUsed).toBeLessThan(1100 * KIB);
    expect(attack.end()).toEqual({ 'incomplete evicted': 5000 - 1024, 'incomplete closed': 1024 });
  });

  it('that opens streams where memory is short has its oldest given up, and in the end itself', () => {
    const attack = new Attack(10 * KIB);
    for (let i = 0; i < 100; i++) attack.client(headers(i * 2 + 1, requestBlock('/', 'POST'), END_HEADERS));
    expect(attack.counts.open).toBeLessThan(12);
    expect(attack.end()['incomplete evicted']).toBeGreaterThan(80);
  });

  it('that answers what nobody asked is bounded too', () => {
    const attack = new Attack(8 << 20);
    for (let i = 0; i < 5000; i++) attack.server(headers(i * 2 + 1, hpack.indexed(8)));
    expect(attack.mostUsed).toBeLessThan(1100 * KIB);
    expect(attack.end()).toEqual({});
  });

  it('that speaks of windows of 2^31 is let be', () => {
    const attack = new Attack();
    attack.client(windowUpdate(0, 2 ** 31 - 1), windowUpdate(0, 2 ** 31 - 1), settings(4, 2 ** 31 - 1), headers(1, requestBlock('/', 'POST')), windowUpdate(1, 2 ** 31 - 1), data(1, 'x', END_STREAM));
    expect(attack.end()).toEqual({ whole: 1 });
    expect(new Attack().client(settings(4, 2 ** 31)).muted).toBe('h2');
    expect(new Attack().client(windowUpdate(0, 0)).muted).toBe('h2');
  });

  it('that upgrades, is lost sight of and goes on in HTTP/1.1 is passed over', () => {
    const upgrading = H2_CASES.find(({ name }) => name.includes('takes the upgrade from HTTP/1.1'))!;
    const talk = new Conversation().handshake();
    for (let round = 0; round < 2; round++) {
      for (const [who, text] of upgrading.turns) {
        if (who === '>') talk.client(text, 38).ack(false);
        else talk.server(text, 38).ack(true);
      }
    }
    const packets = talk.close().packets;
    for (let i = 0; i < packets.length; i++) {
      for (let j = i; j < packets.length; j++) decode(packets.filter((_, at) => at !== i && at !== j), false);
    }
  });

  it('whatever it sends, and whatever is lost of it, each request is settled once and all memory comes back', () => {
    const damage = fc.record({ at: fc.nat(), kind: fc.constantFrom('drop', 'repeat', 'corrupt', 'cut', 'swap'), value: fc.nat(0xffff) });
    const cases = fc.array(fc.nat(H2_CASES.length - 1), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(cases, fc.integer({ min: 5, max: 200 }), fc.array(damage, { maxLength: 12 }), fc.boolean(), (numbers, size, harm, live) => {
        const talk = new Conversation().handshake();
        for (const number of numbers) {
          for (const [who, text] of H2_CASES[number]!.turns) {
            if (who === '>') talk.client(text, size).ack(false);
            else talk.server(text, size).ack(true);
          }
        }
        const { http, events } = decode(damaged(talk.close().packets, harm), live);
        expect(events.filter((event) => / (request|lost) /.test(event)).length).toBe(http.requests);
      }),
      { interruptAfterTimeLimit: 6000, markInterruptAsFailure: false, numRuns: 5000 },
    );
  });
});

function damaged(packets: readonly Packet[], harm: readonly { at: number; kind: string; value: number }[]): Packet[] {
  const result = [...packets];
  for (const { at, kind, value } of harm) {
    const i = at % result.length;
    const packet = result[i]!;
    const payload = Buffer.from(packet.payload);
    if (kind === 'drop' && result.length > 1) result.splice(i, 1);
    else if (kind === 'repeat') result.splice(i, 0, packet);
    else if (kind === 'swap' && i > 0) result.splice(i - 1, 2, packet, result[i - 1]!);
    else if (kind === 'cut') result[i] = { ...packet, payload: payload.subarray(0, value % (payload.length + 1)) };
    else if (kind === 'corrupt' && payload.length > 0) {
      payload[value % payload.length] = value >> 8;
      result[i] = { ...packet, payload };
    }
  }
  return result;
}
