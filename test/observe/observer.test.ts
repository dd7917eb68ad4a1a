import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OTHERS, type EndpointLoad } from '../../src/observe/data.ts';
import { countOf, quantileOf } from '../../src/sketch/histogram.ts';
import { answer, END_HEADERS, END_STREAM, get, headers, hpack, PREFACE, requestBlock, reset, responseBlock, settings } from '../http/h2/frames.ts';
import { Watching, type Connection } from './watching.ts';

const SECOND = 1e6;
const LAST = END_HEADERS | END_STREAM;
const call = (stream: number): Buffer => headers(stream, requestBlock('/shop.Cart/Get', 'POST', 'content-type', 'application/grpc'), LAST);
const said = (stream: number, status: number): Buffer => headers(stream, responseBlock(200, 'content-type', 'application/grpc', 'grpc-status', `${status}`), LAST);

/** A name of its own for each number. */
const word = (index: number): string => [index % 26, ((index / 26) | 0) % 26, (index / 676) | 0].map((letter) => 'abcdefghijklmnopqrstuvwxyz'[letter]).join('');

const count = (loads: readonly EndpointLoad[]): number => loads.reduce((sum, { requests }) => sum + requests, 0);

describe('what an observer tells of an endpoint', () => {
  it('is how many requests ended how, by pod, port, method and template', () => {
    const watching = new Watching(['shop/web-1', 'shop/web-2']);
    for (const status of [200, 204, 301, 404, 500, 503, 799]) watching.exchange('/orders/42?full=1', { status });
    watching.exchange('/orders/43', { method: 'DELETE' });
    watching.exchange('/orders/43', { port: 9090 });
    watching.exchange('/orders/43', { endpoint: 2 });
    watching.exchange('/orders/43', { method: 'BREW' });
    const rows = watching.data().endpoints.map(({ endpoint, port, method, template, statuses }) => [endpoint, port, method, template, statuses.join(' ')]);
    expect(rows).toEqual([
      ['shop/web-1', 8080, 'GET', '/orders/{id}', '0 2 1 1 3'],
      ['shop/web-1', 8080, 'DELETE', '/orders/{id}', '0 1 0 0 0'],
      ['shop/web-1', 9090, 'GET', '/orders/{id}', '0 1 0 0 0'],
      ['shop/web-1', 8080, '(other)', '/orders/{id}', '0 1 0 0 0'],
      ['shop/web-2', 8080, 'GET', '/orders/{id}', '0 1 0 0 0'],
    ]);
  });

  it('is how long it takes from the last byte of a request to the first and to the last of its answer', () => {
    const watching = new Watching();
    const connection = watching.connect();
    connection.client('POST /slow HTTP/1.1\r\nhost: shop\r\ncontent-length: 4\r\n\r\nab');
    watching.nowUs += 900_000;
    connection.client('cd');
    watching.nowUs += 20_000;
    connection.server('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nxyz');
    watching.nowUs += 30_000;
    connection.server('xyz');
    const { firstByte, complete, requestBytes, responseBytes, largestRequest, largestResponse } = watching.load('/slow', 'POST');
    expect(quantileOf(firstByte, 0.5) / 20_000).toBeCloseTo(1, 1);
    expect(quantileOf(complete, 0.5) / 50_000).toBeCloseTo(1, 1);
    expect([requestBytes, responseBytes, largestRequest, largestResponse]).toEqual([4, 6, 4, 6]);
  });

  it('takes no time of answers that begin before their request has ended, or that end too early', () => {
    const watching = new Watching();
    const early = watching.connect().client('POST /upload HTTP/1.1\r\nhost: shop\r\ncontent-length: 4\r\n\r\nab');
    watching.nowUs += 1000;
    early.isAnswered(413);
    watching.nowUs += 1000;
    early.client('cd').ends();
    const cut = watching.connect().asks('/cut');
    watching.nowUs += 1000;
    cut.server('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nxyz').ends('rst');
    expect(watching.load('/upload', 'POST')).toMatchObject({ requests: 1, statuses: [0, 0, 0, 1, 0], firstByte: [], complete: [] });
    expect(watching.load('/cut')).toMatchObject({ requests: 1, statuses: [0, 1, 0, 0, 0], complete: [], responseBytes: 3 });
    expect(countOf(watching.load('/cut').firstByte)).toBe(1);
  });

  it('does not take interim responses for answers', () => {
    const watching = new Watching();
    const connection = watching.connect().asks('/hinted');
    watching.nowUs += 1000;
    connection.server('HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n');
    watching.nowUs += 49_000;
    connection.isAnswered();
    expect(watching.load('/hinted').statuses).toEqual([0, 1, 0, 0, 0]);
    expect(quantileOf(watching.load('/hinted').firstByte, 1) / 50_000).toBeCloseTo(1, 1);
  });

  it('counts what is given up without an answer, but not what switched protocols or what the capture lost', () => {
    const watching = new Watching();
    watching.connect().asks('/gone').ends('rst');
    watching.connect().client('POST /half HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nab').ends('rst');
    const socket = watching.connect().client('GET /socket HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    socket.server('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n').ends();
    watching.connect().client('POST /holed HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nab').misses(5).client('xyz').ends();
    expect(watching.data().endpoints.map(({ template, requests, unanswered }) => [template, requests, unanswered])).toEqual([
      ['/gone', 1, 1],
      ['/half', 1, 1],
    ]);
    // Nothing is left under way.
    watching.exchange('/after');
    watching.nowUs += 10 * SECOND;
    expect(watching.load('/after').concurrency).toEqual({ mean: 1, most: 1 });
  });

  it('is the same of HTTP/2, where streams end in any order or are reset', () => {
    const watching = new Watching();
    const connection = watching.connect().client(Buffer.concat([PREFACE, settings(), get(1, '/a/1'), get(3, '/a/2'), get(5, '/a/3')]));
    connection.server(settings());
    watching.nowUs += 5000;
    connection.server(answer(3));
    connection.client(reset(5, 8));
    watching.nowUs += 5000;
    connection.server(answer(1, 500)).ends();
    const load = watching.load('/a/{id}');
    expect(load).toMatchObject({ requests: 3, statuses: [0, 1, 0, 0, 1], unanswered: 1 });
    expect(countOf(load.complete)).toBe(2);
    expect(quantileOf(load.complete, 1) / 10_000).toBeCloseTo(1, 1);
  });

  it('goes by the status of a call of gRPC, not by that of HTTP', () => {
    const watching = new Watching();
    const connection = watching.connect().client(Buffer.concat([PREFACE, settings(), ...[1, 3, 5, 7].map(call)])).server(settings());
    connection.server(said(1, 0)).server(said(3, 5)).server(said(5, 14));
    connection.server(headers(7, responseBlock(200, 'content-type', 'application/grpc'))).server(headers(7, hpack.block('grpc-status', '13'), LAST));
    connection.ends();
    expect(watching.load('/shop.Cart/Get', 'POST').statuses).toEqual([0, 1, 0, 1, 2]);
  });

  it('is the rate and the concurrency of the last whole ten seconds', () => {
    const watching = new Watching();
    for (let i = 0; i < 10; i++) {
      const [first, second] = [watching.connect().asks('/busy'), watching.connect().asks('/busy')];
      watching.nowUs += 500_000;
      first.isAnswered().ends();
      second.isAnswered().ends();
      watching.nowUs += 500_000;
    }
    expect(watching.load('/busy')).toMatchObject({ rate: 2, concurrency: { mean: 1.5, most: 2 } });
    watching.nowUs += 10 * SECOND;
    expect(watching.load('/busy')).toMatchObject({ requests: 20, rate: 0, concurrency: { mean: 0, most: 0 } });
  });

  it('says since when', () => {
    const watching = new Watching();
    watching.exchange('/first');
    expect(watching.load('/first').sinceMs).toBe(1e12 + 3_600e3);
  });
});

describe('saturation', () => {
  /** Rounds of one to ten requests at once; each is answered so long after the one before it. */
  const load = (betweenUs: (index: number, round: number) => number): Watching => {
    const watching = new Watching();
    for (let round = 0; round < 400; round++) {
      const connections = Array.from({ length: 1 + (round % 10) }, () => watching.connect().asks('/work'));
      for (const [index, connection] of connections.entries()) {
        watching.nowUs += betweenUs(index, round);
        connection.isAnswered().ends();
      }
      watching.nowUs += 100_000;
    }
    return watching;
  };

  it('is near 1 where requests wait for each other', () => {
    expect(load(() => 5000).load('/work').saturation).toBeGreaterThan(0.9);
  });

  it('is near 0 where it makes no difference how many there are', () => {
    const random = load((index, round) => (index === 0 ? 5000 + ((round * 7919) % 997) : 0));
    expect(Math.abs(random.load('/work').saturation!)).toBeLessThan(0.3);
  });

  it('is not known of few requests, nor where concurrency hardly varies', () => {
    const few = new Watching();
    for (let i = 0; i < 50; i++) few.exchange('/work');
    expect(few.load('/work').saturation).toBeNull();
    const steady = new Watching();
    for (let i = 0; i < 500; i++) steady.exchange('/work', { takesUs: 60_000 + i });
    expect(steady.load('/work').saturation).toBeNull();
  });
});

describe('what an observer keeps', () => {
  it('is bounded: what finds no place counts under others, and nothing is lost', () => {
    const watching = new Watching();
    for (let i = 0; i < 30; i++) for (let j = 0; j < 30; j++) watching.exchange(`/${word(i)}/${word(j)}`);
    const { endpoints, folded } = watching.data();
    expect(endpoints).toHaveLength(201);
    expect(count(endpoints)).toBe(900);
    expect(endpoints.find(({ template }) => template === OTHERS)).toMatchObject({ port: 0, method: OTHERS, requests: folded });
    expect(folded).toBe(700);
  });

  it('is bounded over all pods', () => {
    const watching = new Watching(Array.from({ length: 20 }, (_, index) => `shop/web-${index}`));
    for (let pod = 1; pod <= 20; pod++) for (let i = 0; i < 10; i++) for (let j = 0; j < 10; j++) watching.exchange(`/${word(i)}/${word(j)}`, { endpoint: pod });
    const { endpoints } = watching.data();
    expect(endpoints.filter(({ template }) => template !== OTHERS)).toHaveLength(1000);
    expect(count(endpoints)).toBe(2000);
  });

  it('makes room of what nobody has asked for in five minutes', () => {
    const watching = new Watching();
    for (let i = 0; i < 20; i++) for (let j = 0; j < 10; j++) watching.exchange(`/${word(i)}/${word(j)}`);
    watching.nowUs += 301 * SECOND;
    watching.exchange('/new');
    expect(watching.load('/new').requests).toBe(1);
  });

  it('joins what turns out to be values of one template, with what is under way', () => {
    const watching = new Watching();
    const slow = watching.connect().asks(`/users/${word(3)}`);
    for (let i = 0; i < 300; i++) watching.exchange(`/users/${word(i)}`, { takesUs: 2000 });
    expect(watching.data().endpoints).toHaveLength(1);
    slow.isAnswered().ends();
    const load = watching.load('/users/{value}');
    expect(load).toMatchObject({ requests: 301, statuses: [0, 301, 0, 0, 0] });
    expect(countOf(load.complete)).toBe(301);
  });

  it('outlives a pod by minutes, and what is still under way there counts', () => {
    const watching = new Watching(['shop/web-1', 'shop/web-2']);
    watching.exchange('/a');
    const open = watching.connect().asks('/a');
    watching.observer.configure([{ id: 2, name: 'shop/web-2' }]);
    open.isAnswered().ends();
    watching.exchange('/a', { endpoint: 2 });
    expect(watching.data().endpoints.map(({ endpoint, requests }) => [endpoint, requests])).toEqual([
      ['shop/web-2', 1],
      ['shop/web-1', 2],
    ]);
    watching.nowUs += 301 * SECOND;
    expect(watching.data().endpoints.map(({ endpoint }) => endpoint)).toEqual(['shop/web-2']);
    expect(watching.data().clients.map(({ endpoint }) => endpoint)).toEqual(['shop/web-2']);
    watching.nowUs += 3600 * SECOND;
    expect(watching.data().endpoints).toEqual([]);
  });

  it('goes on where a pod of the same name comes back', () => {
    const watching = new Watching(['shop/web-0']);
    watching.exchange('/a');
    watching.observer.configure([]);
    watching.observer.configure([{ id: 7, name: 'shop/web-0' }]);
    watching.exchange('/a', { endpoint: 7 });
    expect(watching.load('/a').requests).toBe(2);
    expect(watching.data().clients).toEqual([{ endpoint: 'shop/web-0', address: '10.0.0.9', count: 2, error: 0 }]);
  });

  it('names the busiest clients of each pod', () => {
    const watching = new Watching();
    for (let i = 0; i < 300; i++) watching.exchange('/a', { address: `10.1.${i % 150}.1` });
    for (let i = 0; i < 50; i++) watching.exchange('/a', { address: '10.9.9.9' });
    const { clients } = watching.data();
    expect(clients).toHaveLength(20);
    expect(clients[0]).toMatchObject({ endpoint: 'shop/web-1', address: '10.9.9.9' });
    expect(clients[0]!.count).toBeGreaterThanOrEqual(50);
    expect(clients[0]!.count - clients[0]!.error).toBeLessThanOrEqual(50);
  });
});

describe('whatever happens', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('ask' as const), target: fc.oneof(fc.nat(300).map((n) => `/users/${word(n)}`), fc.constantFrom('/a', '/b/1')), pod: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(), waitUs: fc.nat(100_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pods' as const), ids: fc.subarray([1, 2, 3]) }) },
  );

  it('each request of a pod that was known when it came counts once, and nothing stays under way', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 400, size: 'max' }), (steps) => {
        const watching = new Watching(['shop/web-1', 'shop/web-2', 'shop/web-3']);
        let known = [1, 2, 3];
        let asked = 0;
        const open: Connection[] = [];
        const take = (which: number): Connection | undefined => open.splice(which % Math.max(1, open.length), 1)[0];
        for (const one of steps) {
          if (one.do === 'ask') {
            open.push(watching.connect({ endpoint: one.pod }).asks(one.target));
            if (known.includes(one.pod)) asked++;
          } else if (one.do === 'answer') {
            watching.nowUs += one.waitUs;
            take(one.which)?.isAnswered().ends();
          } else if (one.do === 'end') take(one.which)?.ends('rst');
          else if (one.do === 'look') watching.data();
          else {
            known = one.ids;
            watching.observer.configure(one.ids.map((id) => ({ id, name: `shop/web-${id}` })));
          }
        }
        for (const connection of open) connection.isAnswered().ends();
        watching.observer.configure([1, 2, 3].map((id) => ({ id, name: `shop/web-${id}` })));
        const { endpoints } = watching.data();
        expect(count(endpoints)).toBe(asked);
        expect(endpoints.every(({ requests, statuses, unanswered }) => requests === statuses.reduce((sum, some) => sum + some) + unanswered)).toBe(true);
        watching.nowUs += 20 * SECOND;
        for (const pod of [1, 2, 3]) watching.exchange('/last', { endpoint: pod });
        watching.nowUs += 10 * SECOND;
        const last = watching.data().endpoints.filter(({ template }) => template === '/last');
        expect(last.map(({ concurrency }) => concurrency.most)).toEqual([1, 1, 1]);
      }),
      { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false },
    );
  });
});
