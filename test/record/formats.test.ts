import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FILE_FORMATS } from '../../src/record/file-format.ts';
import { decodeHar } from '../../src/record/har-entry.ts';
import { Faulty } from '../../src/record/json-fields.ts';
import { decodeNdjson } from '../../src/record/ndjson.ts';
import { messagesOf } from '../../src/record/raw-message.ts';
import type { ExchangeRecord } from '../../src/record/record.ts';
import { call, Folder, record, replayed, type Line } from './support.ts';

const DECODE = { ndjson: decodeNdjson, har: decodeHar };
const FORMATS = ['ndjson', 'har'] as const;

/** A file of that format with these records. */
function fileOf(format: (typeof FORMATS)[number], records: readonly ExchangeRecord[]): Buffer {
  const { head, between, tail, encode } = FILE_FORMATS[format];
  const pieces = records.flatMap((each, i) => [i === 0 ? head : between, encode(each)]);
  return Buffer.concat([...pieces, tail]);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

describe.each(FORMATS)('a record as %s', (format) => {
  const { encode } = FILE_FORMATS[format];
  const decode = (bytes: Buffer): ExchangeRecord => DECODE[format](bytes.toString());

  it('is read back as it was', () => {
    const written = record();
    const read = decode(encode(written));
    expect(read.request).toEqual(written.request.endMs === read.request.endMs ? written.request : { ...written.request, endMs: expect.closeTo(written.request.endMs, 2) });
    expect(read.response).toMatchObject({ status: 200, reason: 'OK', headers: written.response!.headers, body: written.response!.body });
    expect(read.response!.startMs).toBeCloseTo(written.response!.startMs, 2);
    expect(read.response!.endMs).toBeCloseTo(written.response!.endMs, 2);
    expect({ policy: read.policy, client: read.client, server: read.server }).toEqual({ policy: written.policy, client: written.client, server: written.server });
  });

  it.each<[string, Buffer]>([
    ['bytes that are no text', Buffer.from([0, 1, 0xff, 0xfe, 0x80])],
    ['a byte order mark', Buffer.from('\ufefftext')],
    ['line ends and quotes', Buffer.from('a\r\n"b"\\\u2028')],
    ['nothing', Buffer.alloc(0)],
    ['an emoji cut in two', Buffer.from('🐵').subarray(0, 2)],
    ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ])('keeps content to the byte: %s', (_, body) => {
    const read = decode(encode(record({ body }, { body })));
    expect(read.request.body).toEqual(body);
    expect(read.response!.body).toEqual(body);
  });

  it('keeps trailers, targets that are no path, and requests without an answer', () => {
    const read = decode(encode(record({ target: '*', method: 'OPTIONS', trailers: ['X-Sum', '1'] }, null)));
    expect(read.request).toMatchObject({ target: '*', trailers: ['X-Sum', '1'] });
    expect(read.response).toBeNull();
    expect(decode(encode(record({ target: 'http://a/b?c' }))).request.target).toBe('http://a/b?c');
    expect(decode(encode(record({}, { trailers: ['X-T', 'v'] }))).response!.trailers).toEqual(['X-T', 'v']);
  });

  it('says of content that is missing that it is', () => {
    const read = decode(encode(record({}, { body: null, missing: 'too-large', bodyLength: 999 })));
    expect(read.response).toMatchObject({ body: null, bodyLength: 999 });
    expect(read.response!.missing).not.toBeNull();
  });

  it('keeps what HTTP/2 says: version, pseudo-headers in their order, trailers of both sides', () => {
    const written = call({ trailers: ['x-sum', '1'] });
    const { request, response } = decode(encode(written));
    expect({ ...request, endMs: 0 }).toEqual({ ...written.request, endMs: 0 });
    expect({ ...response, startMs: 0, endMs: 0 }).toEqual({ ...written.response, startMs: 0, endMs: 0 });
  });

  it('becomes the same exchange of HTTP/2 again when it is replayed', async () => {
    using folder = new Folder();
    const large = Buffer.alloc(100_000, 'x');
    const records = [
      call(),
      call({ body: large, trailers: ['x-sum', '1'], headers: ['content-type', 'a/b', 'content-length', '7', 'x', 'y'.repeat(40_000)] }, { body: large, trailers: [] }),
      call({ method: 'GET', body: Buffer.alloc(0), headers: [], pseudo: [':path', ':method', ':scheme'], authority: '' }, { status: 204, body: Buffer.alloc(0), trailers: [] }),
      call({ method: 'HEAD', body: Buffer.alloc(0), headers: [] }, { headers: ['content-length', '999'], body: Buffer.alloc(0), trailers: [] }),
      call({}, { body: Buffer.alloc(0), headers: ['grpc-status', '12'], trailers: [] }),
      call({}, null),
      call({}, { body: null, missing: 'incomplete', bodyLength: 7 }),
    ];
    const { lines, summary } = await replayed(folder.write('f', fileOf(format, records)));
    expect(summary).toBe(`7 ${format === 'har' ? 'HAR' : 'ndjson'} records; 7 matched`);
    expect(lines.map(({ request }) => [request.version, request.bodySha256])).toEqual(records.map(({ request }) => ['HTTP/2', sha256(request.body!)]));
    const pseudo = [':method', 'POST', ':scheme', 'http', ':path', '/shop.v1.Checkout/PlaceOrder', ':authority', 'shop.example:81'];
    expect(lines[0]!.request.headers.flat()).toEqual([...pseudo, ...records[0]!.request.headers]);
    expect(lines[0]!.response).toMatchObject({ version: 'HTTP/2', status: 200, complete: true, trailers: [['grpc-status', '5'], ['grpc-message', 'no%20such']], bodySha256: sha256(records[0]!.response!.body!) });
    expect(lines[1]!.request).toMatchObject({ trailers: [['x-sum', '1']], complete: true });
    expect(lines[1]!.request.headers).toContainEqual(['content-length', '100000']);
    expect(lines[2]!.request.headers).toEqual([[':path', '/shop.v1.Checkout/PlaceOrder'], [':method', 'GET'], [':scheme', 'http']]);
    expect(lines.map(({ response }) => response?.status)).toEqual([200, 200, 204, 200, 200, undefined, 200]);
    expect(lines.map(({ response }) => response?.complete)).toEqual([true, true, true, true, true, undefined, false]);
  });

  it('is one line, so that damage cannot spread', () => {
    expect(encode(record({ body: Buffer.from('\n\n') })).toString().trimEnd()).not.toContain('\n');
  });

  it('becomes the same exchange again when it is replayed', async () => {
    using folder = new Folder();
    const body = Buffer.from('x'.repeat(100_000));
    const records = [
      record(),
      record({ body, headers: ['Host', 'h', 'Transfer-Encoding', 'chunked'], trailers: ['X-Sum', '1'] }),
      record({ method: 'GET', body: Buffer.alloc(0), headers: ['Host', 'h'] }, { status: 304, body: Buffer.alloc(0), headers: ['ETag', '"a"'] }),
      record({ method: 'HEAD', body: Buffer.alloc(0), headers: ['Host', 'h'] }, { headers: ['Content-Length', '999'], body: Buffer.alloc(0) }),
      record({}, null),
      record({}, { body: null, missing: 'incomplete', bodyLength: 7 }),
    ];
    const { lines, summary } = await replayed(folder.write('f', fileOf(format, records)));
    expect(summary).toBe(`6 ${format === 'har' ? 'HAR' : 'ndjson'} records; 6 matched`);
    expect(lines.map(({ request }) => [request.method, request.target, request.bodySha256])).toEqual(
      records.map(({ request }) => [request.method, request.target, sha256(request.body!)]),
    );
    expect(lines[0]).toMatchObject({ src: '10.0.0.1', sport: 40_000, dst: 'fd00::2', dport: 8080 });
    expect(lines[0]!.request.headers.flat()).toEqual(records[0]!.request.headers);
    expect(lines[1]!.request).toMatchObject({ trailers: [['X-Sum', '1']], complete: true });
    expect(lines.map(({ response }) => response?.status)).toEqual([200, 200, 304, 200, undefined, 200]);
    expect(lines.map(({ response }) => response?.complete)).toEqual([true, true, true, true, undefined, false]);
    expect(lines[0]!.response!.bodySha256).toBe(sha256(records[0]!.response!.body!));
  });
});

describe('a HAR file of ours', () => {
  it('is one JSON document with every field that HAR 1.2 requires', () => {
    const { log } = JSON.parse(fileOf('har', [record(), record({}, null)]).toString()) as { log: { version: string; creator: object; entries: HarEntry[] } };
    expect(log.version).toBe('1.2');
    expect(Object.keys(log.creator)).toEqual(['name', 'version']);
    for (const { startedDateTime, time, request, response, cache, timings } of log.entries) {
      expect(new Date(startedDateTime).toISOString()).toBe(startedDateTime);
      expect(Object.keys(request)).toEqual(expect.arrayContaining(['method', 'url', 'httpVersion', 'cookies', 'headers', 'queryString', 'headersSize', 'bodySize']));
      expect(Object.keys(response)).toEqual(
        expect.arrayContaining(['status', 'statusText', 'httpVersion', 'cookies', 'headers', 'content', 'redirectURL', 'headersSize', 'bodySize']),
      );
      expect(cache).toEqual({});
      expect(timings.send + timings.wait + timings.receive).toBeCloseTo(time, 2);
      expect(URL.canParse(request.url)).toBe(true);
    }
    expect(log.entries[0]!.request).toMatchObject({
      url: 'http://shop.example:81/a/b?c=d&e=%20f',
      queryString: [{ name: 'c', value: 'd' }, { name: 'e', value: ' f' }],
      postData: { text: '{"a": "ü"}' },
    });
    expect(log.entries[1]!.response).toMatchObject({ status: 0 });
  });
});

interface HarEntry {
  readonly startedDateTime: string;
  readonly time: number;
  readonly request: { readonly url: string };
  readonly response: object;
  readonly cache: object;
  readonly timings: { readonly send: number; readonly wait: number; readonly receive: number };
}

describe('a HAR entry of HTTP/2 of ours', () => {
  it('has its pseudo-headers among the headers, as browsers write them, and the version that tools know', () => {
    const { request, response } = JSON.parse(FILE_FORMATS.har.encode(call()).toString()) as { request: object; response: object };
    expect(request).toMatchObject({ url: 'http://shop.example:81/shop.v1.Checkout/PlaceOrder', httpVersion: 'HTTP/2.0', postData: { _encoding: 'base64' } });
    expect(request).toMatchObject({ headers: expect.arrayContaining([{ name: ':authority', value: 'shop.example:81' }, { name: 'te', value: 'trailers' }]) as object[] });
    expect(response).toMatchObject({ httpVersion: 'HTTP/2.0', _trailers: [{ name: 'grpc-status', value: '5' }, { name: 'grpc-message', value: 'no%20such' }] });
  });
});

describe('HAR files of other tools', () => {
  const entry = (request: object, rest: object = {}): object => ({
    startedDateTime: '2024-05-06T07:08:09.123+02:00', time: 5, cache: {}, timings: { send: -1, wait: 4, receive: 1 },
    request: { method: 'GET', url: 'https://shop.example/p?q=1#top', httpVersion: 'h2', headers: [], queryString: [], cookies: [], headersSize: -1, bodySize: -1, ...request },
    response: { status: 200, statusText: '', httpVersion: 'h2', headers: [{ name: 'set-cookie', value: 'a=1\nb=2' }], cookies: [], content: { size: 2, mimeType: '', text: 'ok' }, redirectURL: '', headersSize: -1, bodySize: -1 },
    ...rest,
  });
  const replayEntries = async (...entries: object[]): Promise<readonly Line[]> => {
    using folder = new Folder();
    const log = { log: { version: '1.2', creator: {}, pages: [{ id: 'entries', title: '{"log":{"entries":[{' }], entries } };
    return (await replayed(folder.write('browser.har', `\ufeff${JSON.stringify(log, null, 2)}`))).lines;
  };

  it('give requests of HTTP/2 as HTTP/1.1, with the host of their address', async () => {
    const headers = [{ name: ':authority', value: 'x' }, { name: 'Accept', value: '*/*' }];
    const [line] = await replayEntries(entry({ headers }));
    expect(line).toMatchObject({
      outcome: 'matched', dport: 443,
      request: { version: 'HTTP/1.1', target: '/p?q=1', headers: [['Host', 'shop.example'], ['Accept', '*/*']] },
      response: { status: 200, complete: true, headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['Content-Length', '2']] },
    });
  });

  it('give content as text, in base64 and as parameters of a form', async () => {
    const text = 'a=1&b=%C3%BC+c';
    const lines = await replayEntries(
      entry({ method: 'POST', bodySize: 14, postData: { mimeType: 'application/x-www-form-urlencoded', text } }),
      entry({ method: 'POST', bodySize: 14, postData: { mimeType: '', text: Buffer.from(text).toString('base64'), encoding: 'base64' } }),
      entry({ method: 'POST', bodySize: 14, postData: { mimeType: 'application/x-www-form-urlencoded; charset=utf-8', params: [{ name: 'a', value: '1' }, { name: 'b', value: 'ü c' }] } }),
    );
    expect(lines.map(({ request }) => request.bodySha256)).toEqual(Array.from({ length: 3 }, () => sha256(Buffer.from(text))));
  });

  it('lengths that do not fit the content are corrected, content that is not there is incomplete', async () => {
    const lines = await replayEntries(
      entry({ method: 'POST', headers: [{ name: 'content-length', value: '99' }, { name: 'transfer-encoding', value: 'chunked' }], postData: { mimeType: '', text: 'abc' } }),
      entry({ method: 'POST', bodySize: 5 }),
      entry({ method: 'POST', bodySize: 5, postData: { mimeType: 'multipart/form-data', params: [{ name: 'f', fileName: 'x' }] } }),
    );
    expect(lines.map(({ outcome, reason }) => `${outcome} ${reason}`)).toEqual(['matched ', 'incomplete closed', 'incomplete closed']);
    expect(lines[0]!.request.headers.filter(([name]) => name.toLowerCase() === 'content-length')).toEqual([['Content-Length', '3']]);
  });
});

describe('a message that HTTP/1.x cannot express', () => {
  it.each<[string, ExchangeRecord]>([
    ['a line end in a value', record({ headers: ['Host', 'h', 'X', 'a\r\nEvil: 1'] })],
    ['a line end in a name', record({ headers: ['Ho\nst', 'h'] })],
    ['a line end in the target', record({ target: '/ HTTP/1.1\r\nHost: evil\r\n\r\nGET /' })],
    ['a line end in the method', record({ method: 'GET\n' })],
    ['a line end in the reason', record({}, { reason: 'OK\r\n\r\n' })],
    ['a line end in a trailer', record({ headers: ['Transfer-Encoding', 'chunked'], trailers: ['a', 'b\r\n\r\nGET / HTTP/1.1'] })],
    ['a character beyond latin-1', record({ headers: ['Host', '\u2028'] })],
    ['a zero byte', record({ headers: ['Host', 'a\0b'] })],
    ['a status that is none', record({}, { status: 42.5 })],
    ['a time out of range', record({ startMs: 1e300 })],
    ['no time', record({ startMs: Number.NaN })],
  ])('is refused: %s', (_, each) => {
    expect(() => messagesOf(each, '1')).toThrow(Faulty);
  });

  it('goes to the decoder where it is only malformed, which says so', async () => {
    using folder = new Folder();
    const records = [record({ headers: ['Bad Name', '1'] }), record({ headers: ['', 'x'] }), record()];
    const { lines } = await replayed(folder.write('f', fileOf('ndjson', records)));
    expect(lines.map(({ outcome }) => outcome)).toEqual(['ambiguous', 'malformed', 'matched']);
  });
});

describe('a message that HTTP/2 cannot express', () => {
  it.each<[string, ExchangeRecord]>([
    ['a character beyond latin-1', call({ headers: ['x', '\u2028'] })],
    ['one in a trailer', call({}, { trailers: ['\u2028', 'x'] })],
    ['a status that is none', call({}, { status: 42.5 })],
    ['a time out of range', call({ startMs: 1e300 })],
  ])('is refused: %s', (_, each) => {
    expect(() => messagesOf(each, '1')).toThrow(Faulty);
  });

  it('goes to the decoder where servers would refuse it, which says so', async () => {
    using folder = new Folder();
    const records = [
      call({ headers: ['x', 'a\r\nevil: 1'] }),
      call({ headers: ['Upper', '1'] }),
      call({ headers: [':path', '/other'] }),
      call({ headers: ['connection', 'close'] }),
      call({ headers: ['x', 'y'.repeat(200_000)] }),
      call({ target: '/ HTTP/1.1\r\n' }),
      call({ pseudo: [':method', ':path', ':path'] }),
      call({ pseudo: [':unknown'] }),
      call({ trailers: [':path', '/'] }),
      call({ headers: ['content-length', '5', 'content-length', '5'] }),
      call(),
    ];
    const { lines } = await replayed(folder.write('f', fileOf('ndjson', records)));
    expect(lines.map(({ outcome }) => outcome)).toEqual([...Array.from({ length: 9 }, () => 'malformed'), 'ambiguous', 'matched']);
  });
});
