import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { validatePolicy } from '../../src/policy/validate.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { FILE_FORMATS } from '../../src/record/file-format.ts';
import { decodeNdjson } from '../../src/record/ndjson.ts';
import type { ExchangeRecord } from '../../src/record/record.ts';
import { call, Folder, record, replayed } from './support.ts';

const CAPTURE = fileURLToPath(new URL('../../scripts/demo/traffic.pcap', import.meta.url));

interface Received {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly sha256: string;
  readonly atMs: number;
}

let received: Received[] = [];
let origin = '';
const server = createServer((request, response) => {
  const hash = createHash('sha256');
  request.on('data', (chunk: Buffer) => hash.update(chunk));
  request.on('end', () => {
    received.push({ method: request.method!, target: request.url!, headers: request.rawHeaders, sha256: hash.digest('hex'), atMs: performance.now() });
    response.end('ok');
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close().closeAllConnections());
beforeEach(() => void (received = []));

function policy(spec: object): MirrorPolicy {
  const { value, problems } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name: 'p' }, spec: { selector: {}, ...spec } });
  if (value === null) throw new Error(JSON.stringify(problems));
  return value;
}

/** Four requests, 200 ms from first to last, on two ports. */
const records = [0, 60, 130, 200].map((ms, i) => {
  const startMs = 1_700_000_000_000 + ms;
  const body = Buffer.from(`body ${i}\0\xff`, 'latin1');
  const headers = ['Host', `shop:${i === 3 ? 9090 : 8080}`, 'X-N', String(i), 'Content-Length', String(body.length)];
  return { ...record({ startMs, endMs: startMs, target: `/r/${i}`, body, headers }), server: { address: '10.0.0.2', port: i === 3 ? 9090 : 8080 } };
});

function framed(format: 'ndjson' | 'har'): Buffer {
  const { head, between, tail, encode } = FILE_FORMATS[format];
  return Buffer.concat([...records.flatMap((each, i) => [i === 0 ? head : between, encode(each)]), tail]);
}

function gor({ request }: ExchangeRecord, i: number): Buffer {
  const headers = request.headers.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
  const head = `1 ${i.toString(16).padStart(24, 'a')} ${request.startMs * 1e6} 0\n${request.method} ${request.target} HTTP/1.1\r\n${headers}\r\n`;
  return Buffer.concat([Buffer.from(head), request.body!, Buffer.from('\n🐵🙈🙉\n')]);
}

const FILES: Readonly<Record<string, Buffer>> = {
  ndjson: framed('ndjson'),
  HAR: framed('har'),
  GoReplay: Buffer.concat(records.map(gor)),
};

describe.each(Object.keys(FILES))('replaying %s', (format) => {
  const play = async (options: Parameters<typeof replayed>[1]): ReturnType<typeof replayed> => {
    using folder = new Folder();
    return await replayed(folder.write('f', FILES[format]!), { dryRun: false, ...options });
  };

  it('--to sends every request as it was', async () => {
    const { summary } = await play({ to: origin });
    expect(summary).toBe(`4 ${format} records; 4 requests: 4 mirrored (2xx)`);
    expect(received.map(({ method, target, sha256 }) => [method, target, sha256]).sort()).toEqual(
      records.map(({ request }) => [request.method, request.target, createHash('sha256').update(request.body!).digest('hex')]),
    );
    for (const { target, headers } of received) expect(headers.join()).toContain(`X-N,${target.at(-1)!}`);
  });

  it('--dry-run prints the same lines for each format', async () => {
    const { lines } = await play({ dryRun: true });
    expect(lines.map(({ outcome, dport, request: { method, target, headers } }) => ({ outcome, dport, method, target, headers: headers.flat() }))).toEqual(
      records.map(({ server: { port }, request: { method, target, headers } }) => ({ outcome: 'matched', dport: port, method, target, headers })),
    );
  });

  it('--speed keeps the pace of the recording', async () => {
    await play({ to: origin, speed: 1 });
    const at = received.map(({ atMs }) => atMs);
    expect(received.map(({ target }) => target)).toEqual(records.map(({ request }) => request.target));
    expect(at[3]! - at[0]!).toBeGreaterThan(180);
    expect(at[3]! - at[0]!).toBeLessThan(600);
    received = [];
    const start = performance.now();
    await play({ to: origin, speed: Infinity });
    expect(performance.now() - start).toBeLessThan(180);
  });

  it('--port takes the requests of these ports', async () => {
    const { lines, summary } = await play({ dryRun: true, ports: [9090] });
    expect(lines.map(({ request }) => request.target)).toEqual(['/r/3']);
    expect(summary).toBe(`4 ${format} records, 3 of other ports; 1 matched`);
  });

  it('--policy decides, rewrites and redacts', async () => {
    const spec = {
      ports: [8080],
      matches: [{ path: { type: 'RegularExpression', value: '/r/[13]' } }],
      redact: { headers: ['x-n'], mode: 'Remove' },
      targets: [{ url: `${origin}/v2` }],
    };
    const { summary } = await play({ policies: [policy(spec)] });
    expect(summary).toMatch(/4 requests: 1 mirrored \(2xx\), 3 unmatched|3 unmatched, 1 mirrored/);
    expect(received).toMatchObject([{ target: '/v2/r/1' }]);
    expect(received[0]!.headers.join()).not.toContain('X-N');
  });

  it('--policy may record again: the requests are the same', async () => {
    using folder = new Folder();
    await play({ policies: [policy({ targets: [{ file: { path: folder.file('again.ndjson') } }] })] });
    const again = folder.text(folder.names()[0]!).trimEnd().split('\n').map(decodeNdjson);
    expect(again.map(({ request: { method, target, headers, body, startMs } }) => ({ method, target, headers, body, startMs }))).toEqual(
      records.map(({ request: { method, target, headers, body, startMs } }) => ({ method, target, headers, body, startMs })),
    );
    expect(again.map(({ response }) => response?.status)).toEqual(records.map(() => (format === 'GoReplay' ? undefined : 200)));
  });
});

describe.each(['ndjson', 'har'] as const)('replaying calls of gRPC as %s', (format) => {
  const calls = ['PlaceOrder', 'Cancel', 'PlaceOrder'].map((method, i) =>
    call({ target: `/shop.v1.Checkout/${method}`, startMs: 1_700_000_000_000 + i, endMs: 1_700_000_000_000 + i }),
  );

  it('goes the whole way: policies match service and method, and what is recorded again is the same', async () => {
    using folder = new Folder();
    const { head, between, tail, encode } = FILE_FORMATS[format];
    const file = folder.write('f', Buffer.concat([...calls.flatMap((each, i) => [i === 0 ? head : between, encode(each)]), tail]));
    const targets = [{ file: { path: folder.file('again.ndjson') } }];
    const matches = [{ grpc: { service: 'shop.v1.Checkout', method: 'PlaceOrder' } }];
    const { summary } = await replayed(file, { dryRun: false, policies: [policy({ matches, targets })] });
    expect(summary).toMatch(/3 requests: (?:2 recorded, 1 unmatched|1 unmatched, 2 recorded)/);
    const name = folder.names().find((each) => each.startsWith('again'))!;
    const again = folder.text(name).trimEnd().split('\n').map(decodeNdjson);
    const parts = ({ request, response }: ExchangeRecord): object => ({ ...request, endMs: 0, response: { ...response, startMs: 0, endMs: 0 } });
    expect(again.map(parts)).toEqual([calls[0]!, calls[2]!].map(parts));
  });
});

describe('replaying a capture', () => {
  it('may record what is in it, so that it need not be taken apart again', async () => {
    using folder = new Folder();
    const targets = [{ file: { path: folder.file('x.har'), format: 'har' } }];
    const { summary } = await replayed(CAPTURE, { dryRun: false, policies: [policy({ targets })] });
    const whole = Number(/(\d+) recorded/.exec(summary)?.[1]);
    expect(whole).toBeGreaterThan(10);
    const direct = (await replayed(CAPTURE)).lines.filter(({ outcome }) => outcome === 'matched');
    const { lines } = await replayed(folder.file(folder.names()[0]!));
    const key = ({ request, response }: (typeof lines)[number]): string => JSON.stringify([request.method, request.target, request.headers, request.bodySha256, response?.status, response?.bodySha256]);
    expect(lines).toHaveLength(whole);
    expect(new Set(direct.map(key))).toEqual(new Set([...direct.map(key), ...lines.map(key)]));
  });

  it('fails in the summary where it cannot be recorded', async () => {
    using folder = new Folder();
    folder.write('block', '');
    const { summary } = await replayed(CAPTURE, { dryRun: false, policies: [policy({ targets: [{ file: { path: folder.file('block/x') } }] })] });
    expect(summary).toMatch(/shadowtap: cannot record to .*block\/x: [A-Z]+: /);
    expect(summary).toMatch(/failed \(write\)/);
    expect(summary).not.toMatch(/\d recorded/);
  });
});
