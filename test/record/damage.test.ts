import { randomBytes } from 'node:crypto';
import { appendFileSync, truncateSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAX_RECORD_BYTES } from '../../src/record/file-format.ts';
import { encodeHar, HAR_BETWEEN, HAR_HEAD, HAR_TAIL } from '../../src/record/har.ts';
import { HarScanner } from '../../src/record/har-scanner.ts';
import { encodeNdjson } from '../../src/record/ndjson.ts';
import { Splitter, type Piece } from '../../src/record/splitter.ts';
import { Folder, record, replayed } from './support.ts';

const target = (i: number) => `/${i}`;
const records = Array.from({ length: 5 }, (_, i) => record({ target: target(i) }));
const lines = records.map((each) => encodeNdjson(each).toString());
const entries = records.map((each) => encodeHar(each).toString());

const har = (parts: readonly string[], tail = HAR_TAIL.toString()): string => HAR_HEAD.toString() + parts.join(HAR_BETWEEN.toString()) + tail;

/** Targets that are read of a file, and the summary. */
async function read(content: string | Buffer): Promise<{ targets: string[]; summary: string }> {
  using folder = new Folder();
  const { lines: found, summary } = await replayed(folder.write('f', content));
  return { targets: found.map(({ request }) => request.target), summary };
}

const without = (i: number): string[] => [0, 1, 2, 3, 4].filter((each) => each !== i).map(target);

describe('a damaged line of ndjson costs only itself', () => {
  it.each<[string, string, string]>([
    ['cut', lines[2]!.slice(0, 200) + '\n', 'not JSON'],
    ['no object', '[1]\n', 'the record is not an object'],
    ['another version', lines[2]!.replace('"shadowtap":1', '"shadowtap":2'), 'version 2 of the format is not known'],
    ['no request', '{"shadowtap":1}\n', 'request is not an object'],
    ['bad base64', lines[2]!.replace('"body":"', '"body":"!!!!'), 'body is not base64'],
    ['base64 of another length', lines[2]!.replace('"body":"', '"body":"AAAA'), 'body has not bodyLength bytes'],
    ['a field of another type', lines[2]!.replace('"method":"POST"', '"method":["POST"]'), 'method is not a text'],
    ['headers that are no pairs', lines[2]!.replace('"headers":[[', '"headers":["x",['), 'headers has an entry that is not a pair of texts'],
    ['no time', lines[2]!.replace('"startMs"', '"start"'), 'startMs is missing'],
    ['a line end in a header', lines[2]!.replace('shop.example:81', 'a\\r\\nb: c'), 'its head has characters that HTTP does not allow'],
    ['deep nesting', '['.repeat(1_000_000) + '\n', 'not JSON'],
    ['deep nesting that is closed', `{"shadowtap":1,"request":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}\n`, 'request is not an object'],
    ['a prototype', '{"shadowtap":1,"__proto__":{"request":{}},"constructor":1}\n', 'request is not an object'],
    ['noise', `${randomBytes(100_000).toString('hex')}\n`, 'not JSON'],
  ])('%s', async (_, line, why) => {
    const { targets, summary } = await read([...lines.slice(0, 2), line, ...lines.slice(3)].join(''));
    expect(targets).toEqual(without(2));
    const offset = Buffer.byteLength(lines[0]! + lines[1]!);
    expect(summary).toBe(`4 ndjson records, 1 damaged (the first at byte ${offset}: ${why}); 4 matched`);
  });

  it('also where it is the first, or the file begins within it', async () => {
    const { targets, summary } = await read(lines[0]!.slice(50) + lines.slice(1).join(''));
    expect(targets).toEqual(without(0));
    expect(summary).toContain('1 damaged (the first at byte 0: not JSON)');
  });

  it('also where it is the last, as a crash leaves it', async () => {
    const { targets, summary } = await read(lines.slice(0, 4).join('') + lines[4]!.slice(0, -20));
    expect(targets).toEqual(without(4));
    expect(summary).toContain('not JSON (the file ends here)');
  });

  it('also where it is longer than a record may be, and holds no memory for it', async () => {
    using folder = new Folder();
    const path = folder.write('f', lines.slice(0, 2).join(''));
    const chunk = Buffer.alloc(16 << 20, 'x');
    for (let bytes = 0; bytes <= MAX_RECORD_BYTES; bytes += chunk.length) appendFileSync(path, chunk);
    appendFileSync(path, `\n${lines.slice(3).join('')}`);
    const { lines: found, summary } = await replayed(path);
    expect(found.map(({ request }) => request.target)).toEqual(without(2));
    expect(summary).toContain(`1 damaged (the first at byte ${Buffer.byteLength(lines[0]! + lines[1]!)}: longer than ${MAX_RECORD_BYTES} bytes`);
  });

  it('blank lines are none', async () => {
    expect((await read(`${lines[0]}\n \r\n${lines[1]}`)).summary).toBe('2 ndjson records; 2 matched');
  });
});

describe('a damaged entry of a HAR file', () => {
  it.each<[string, string]>([
    ['another type of a field', entries[2]!.replace('"method":"POST"', '"method":5')],
    ['no address', entries[2]!.replace('"url":"http:', '"url":"ftp:')],
    ['no time', entries[2]!.replace(/"startedDateTime":"[^"]*"/, '"startedDateTime":"today"').replace(/,"_startMs":[^}]*/, '')],
    ['bad base64', entries[2]!.replace('"text":"AP8KDQ=="', '"text":"$$$$"')],
    ['a quote too few', entries[2]!.replace('"method":', '"method:')],
    ['a quote too many', entries[2]!.replace('"method":', '"method"":')],
    ['cut in a text', entries[2]!.slice(0, 100)],
    ['cut between two fields', entries[2]!.slice(0, entries[2]!.indexOf('"method"'))],
    ['a bracket too many', `${entries[2]!}}`],
    ['a bracket too few', entries[2]!.slice(0, -1)],
  ])('of ours costs only itself: %s', async (_, entry) => {
    const { targets } = await read(har([...entries.slice(0, 2), entry, ...entries.slice(3)]));
    // What is right but for a bracket behind it may count as whole.
    expect(targets.filter((each) => each !== target(2))).toEqual(without(2));
  });

  it('that the file ends in, as a crash leaves it, costs only itself', async () => {
    const whole = har(entries, '');
    for (const cut of [1, 20, 300, entries[4]!.length - 1]) {
      const { targets, summary } = await read(whole.slice(0, whole.length - cut));
      expect(targets).toEqual(without(4));
      expect(summary).toContain('1 damaged');
    }
    expect((await read(whole)).summary).toBe('5 HAR records; 5 matched');
  });

  it('of another tool costs itself', async () => {
    const bad = entries[2]!.replace('"method":"POST"', '"method":5');
    const { targets, summary } = await read(JSON.stringify(JSON.parse(har([entries[0]!, bad, entries[1]!])), null, 4));
    expect(targets).toEqual(['/0', '/1']);
    expect(summary).toContain('1 damaged');
  });

  it('deep nesting costs only itself', async () => {
    const deep = `{"startedDateTime":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect((await read(har([entries[0]!, deep, entries[1]!]))).targets).toEqual(['/0', '/1']);
  });
});

describe('a GoReplay file', () => {
  const SEPARATOR = '\n🐵🙈🙉\n';
  const request = (id: string, ns: number, text: string): string => `1 ${id} ${ns} 0\n${text}${SEPARATOR}`;
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h:8081\r\n\r\n`;
  const T = 1_700_000_000_000_000_000;

  it('gives requests with their responses, in whatever order these come', async () => {
    using folder = new Folder();
    const post = 'POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    const text = request('a1', T, get('/a')) + request('b2', T + 1, post)
      + `2 b2 ${T + 5} 4\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok${SEPARATOR}`
      + `3 b2 ${T + 6} 4\nHTTP/1.1 500 Replayed\r\n\r\n${SEPARATOR}`
      + `2 a1 ${T + 7} 6\nHTTP/1.1 204 No Content\r\n\r\n${SEPARATOR}`
      + `2 ffff ${T + 8} 6\nHTTP/1.1 204 No Content\r\n\r\n${SEPARATOR}`;
    const { lines: found, summary } = await replayed(folder.write('requests_0.gor', text));
    expect(found).toMatchObject([
      { request: { method: 'POST', target: '/p', bodyLength: 3 }, response: { status: 201, complete: true }, dport: 80 },
      { request: { method: 'GET', target: '/a' }, response: { status: 204 }, dport: 8081 },
    ]);
    expect(summary).toBe('4 GoReplay records, 2 responses of other requests left aside; 2 matched');
  });

  it.each<[string, string]>([
    ['no first line', 'what is this?'],
    ['another type', `7 a ${T} 0\n${get('/x')}`],
    ['no time', `1 a now 0\n${get('/x')}`],
    ['no HTTP', `1 c ${T} 0\n\x16\x03\x01\x02\x00\x01\x00\x01\xfc`],
    ['nothing', `1 c ${T} 0\n`],
  ])('loses only what is damaged: %s', async (_, damaged) => {
    const { targets, summary } = await read(request('a', T, get('/1')) + damaged + SEPARATOR + request('b', T, get('/2')));
    expect(targets).toEqual(['/1', '/2']);
    expect(summary).toMatch(/^2 GoReplay records, 1 damaged \(the first at .*\); 2 matched$/);
  });

  it('cut in a request has it as incomplete', async () => {
    const { summary } = await read(request('a', T, get('/1')) + `1 b ${T} 0\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc`);
    expect(summary).toBe('2 GoReplay records; 1 matched, 1 incomplete: closed');
  });

  it('is known by its separator where its beginning is damaged', async () => {
    expect((await read(`xx\n${SEPARATOR}${request('a', T, get('/1'))}`)).targets).toEqual(['/1']);
  });

  it('has a bound on requests that wait for their response', async () => {
    const text = Array.from({ length: 1000 }, (_, i) => request(`id${i}`, T + i, get(`/${i}`))).join('');
    expect((await read(text)).summary).toBe('1000 GoReplay records; 1000 matched');
  });
});

describe('cutting a file', () => {
  const cut = (scanner: { push(chunk: Buffer): Generator<Piece>; end(): Generator<Piece> }, text: Buffer, step: number): unknown[] => {
    const pieces: unknown[] = [];
    const keep = ({ bytes, offset, last }: Piece): void => void pieces.push([bytes?.toString() ?? null, offset, last]);
    for (let at = 0; at < text.length; at += step) for (const piece of scanner.push(text.subarray(at, at + step))) keep(piece);
    for (const piece of scanner.end()) keep(piece);
    return pieces;
  };

  it('finds the same pieces however the file is read', () => {
    const text = Buffer.from('one🐵two🐵🐵 a much longer third piece 🐵4');
    const whole = cut(new Splitter(Buffer.from('🐵'), 10), text, text.length);
    expect(whole).toEqual([['one', 0, false], ['two', 7, false], ['', 14, false], [null, 18, false], ['4', 49, true]]);
    for (let step = 1; step < text.length; step++) expect(cut(new Splitter(Buffer.from('🐵'), 10), text, step)).toEqual(whole);
  });

  it('finds the same entries of a HAR file however it is read', () => {
    const text = Buffer.from(`{ "log" : {"creator":{"entries":[{}]},"x":"{\\"[{","entries" : [ {"a":"}]\\\\"} , {"b":[{}]},\n{"startedDateTime":{"c,\n{"startedDateTime":1}, {"toolong":"${'x'.repeat(50)}"} ] , "pages":[{}]}, "entries":[{}] }`);
    const whole = cut(new HarScanner(40), text, text.length);
    expect(whole).toMatchObject([['{"a":"}]\\\\"}', 64, false], ['{"b":[{}]}', 79, false], [null, 91, false], ['{"startedDateTime":1}', 115, false], [null, 138, false]]);
    for (let step = 1; step < text.length; step++) expect(cut(new HarScanner(40), text, step)).toEqual(whole);
  });
});

describe('the kind of a file', () => {
  it('is told by its content, and what is none is refused', async () => {
    using folder = new Folder();
    for (const [name, content] of [['a.har', lines.join('')], ['b.pcap', har(entries)]] as const) {
      expect((await replayed(folder.write(name, content))).summary).toContain('5 matched');
    }
    for (const content of ['', 'hello', '{"a":1}', '{}', '[]', '{"log":[]}', '\x1f\x8b\x08\0']) {
      await expect(replayed(folder.write('x.har', content))).rejects.toMatchObject({ code: 'CAPTURE_FILE' });
    }
    await expect(replayed(folder.file('none.har'))).rejects.toMatchObject({ code: 'CAPTURE_FILE', message: expect.stringContaining('none.har') as string });
    await expect(replayed(folder.path)).rejects.toMatchObject({ code: 'CAPTURE_FILE' });
    const cut = folder.write('cut', lines.join(''));
    truncateSync(cut, 100);
    expect((await replayed(cut)).summary).toContain('0 ndjson records, 1 damaged');
  });
});
