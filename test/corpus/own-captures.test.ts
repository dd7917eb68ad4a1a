import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { FileTap } from '../../src/tap/file-tap.ts';
import { ExchangePrinter } from '../../src/worker/exchange-printer.ts';
import type { ExchangeLine } from '../../src/worker/exchange-printer.ts';
import { writeCapture } from '../support/capture-writer.ts';
import { Conversation } from '../support/conversation.ts';
import type { Packet } from '../support/conversation.ts';

const folder = mkdtempSync(join(tmpdir(), 'shadowtap-captures-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

/** Writes the packets to a capture file and reads it as `replay --dry-run` does. */
async function replay(packets: readonly Packet[]): Promise<ExchangeLine[]> {
  const path = join(folder, `${files++}.pcap`);
  writeCapture(path, packets);
  const lines: ExchangeLine[] = [];
  const printer = new ExchangePrinter((line) => lines.push(JSON.parse(line) as ExchangeLine));
  const options = defaultHttpOptions();
  const http = newHttpCounters();
  const table = new FlowTable((info, control) => new HttpConnection(info, control, printer, options, http), {}, newFlowCounters());
  let lastUs = 0;
  await new FileTap(path).run({
    onSegment(segment) {
      lastUs = segment.timeUs;
      table.onSegment(segment);
    },
  });
  table.close(lastUs);
  return lines;
}

const BODY = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join('');
const POST = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const CHUNKS = BODY.match(/[^]{1,1000}/g)!.map((chunk) => `${chunk.length.toString(16)};n=1\r\n${chunk}\r\n`);
const ANSWER = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS.join('')}0\r\nDigest: x\r\n\r\n`;
const SHA256 = createHash('sha256').update(BODY).digest('hex');

const WHOLE = {
  src: '10.0.0.1',
  sport: 40_000,
  dst: '10.0.0.2',
  dport: 80,
  outcome: 'matched',
  reason: '',
  request: {
    method: 'POST',
    target: '/upload',
    version: 'HTTP/1.1',
    headers: [
      ['Host', 'a'],
      ['Content-Length', `${BODY.length}`],
    ],
    trailers: [],
    bodyLength: BODY.length,
    bodySha256: SHA256,
    complete: true,
  },
  response: {
    status: 200,
    version: 'HTTP/1.1',
    headers: [['Transfer-Encoding', 'chunked']],
    trailers: [['Digest', 'x']],
    bodyLength: BODY.length,
    bodySha256: SHA256,
    complete: true,
  },
};

function upload(): Conversation {
  return new Conversation({ clientIsn: 2 ** 32 - 9000 }).handshake().client(POST).ack(false).server(ANSWER).ack(true).close();
}

describe('a capture of our own', () => {
  it('is one line for each request, with digests of its content', async () => {
    expect(await replay(upload().packets)).toEqual([WHOLE]);
  });

  it('says the same when segments are swapped, repeated and overlap', async () => {
    const { packets } = upload();
    const swapped = [...packets];
    for (let i = 4; i + 1 < swapped.length - 6; i += 3) [swapped[i], swapped[i + 1]] = [swapped[i + 1]!, swapped[i]!];
    expect(await replay(swapped)).toEqual([WHOLE]);
    expect(await replay(packets.flatMap((packet) => [packet, packet]))).toEqual([WHOLE]);
    const overlapping = packets.flatMap((packet, i) => {
      const before = packets[i - 1];
      if (before === undefined || before.payload.length === 0 || before.fromClient !== packet.fromClient) return [packet];
      return [{ ...before, payload: Buffer.concat([before.payload, packet.payload]), wireLength: before.payload.length + packet.payload.length }];
    });
    expect(await replay(overlapping)).toEqual([WHOLE]);
  });

  it('says that a request is incomplete where a segment is missing, and reads the next', async () => {
    const talk = new Conversation().handshake().client(POST).server('HTTP/1.1 204 No Content\r\n\r\n');
    talk.client('GET /next HTTP/1.1\r\n\r\n').server('HTTP/1.1 204 No Content\r\n\r\n').close();
    const lines = await replay(talk.packets.filter((_, i) => i !== 7));
    expect(lines.map(({ outcome, reason, request }) => [outcome, reason, request?.target, request?.complete])).toEqual([
      ['incomplete', 'gap', '/upload', false],
      ['matched', '', '/next', true],
    ]);
  });

  it('says that content was cut by the capture', async () => {
    const talk = new Conversation().handshake();
    const cut = new Conversation().handshake().client(POST, 65_000).packets.map((packet) => ({ ...packet, payload: packet.payload.subarray(0, 200) }));
    talk.packets.splice(0, Infinity, ...cut);
    const [line, ...others] = await replay(talk.packets);
    expect(line).toMatchObject({ outcome: 'incomplete', reason: 'gap', request: { target: '/upload', complete: false } });
    expect(others).toEqual([]);
  });

  it('picks up a connection in its middle, and responses without their request', async () => {
    const { packets } = upload();
    const late = [...packets.slice(10, 12), ...new Conversation({ clientPort: 41_000 }).client('GET /2 HTTP/1.1\r\n\r\n').packets];
    expect((await replay(late)).map(({ outcome, request }) => [outcome, request?.target])).toEqual([['matched', '/2']]);
    const answers = packets.filter((packet) => !packet.fromClient && packet.flags !== 0x12);
    expect(await replay(answers)).toEqual([{ ...WHOLE, outcome: 'response-only', request: null }]);
  });

  it('keeps connections apart that use the same ports one after the other', async () => {
    const first = upload();
    const second = new Conversation({ clientIsn: 77, startUs: first.timeUs }).handshake().client(POST).server(ANSWER).close();
    expect(await replay([...first.packets, ...second.packets])).toEqual([WHOLE, WHOLE]);
  });

  it('reads heads of many segments, and refuses those beyond the limit', async () => {
    const head = (size: number): string => `GET /${size} HTTP/1.1\r\n${`X: ${'y'.repeat(995)}\r\n`.repeat(size)}\r\n`;
    const talk = new Conversation().handshake().client(head(100)).ack(false).client(head(200)).ack(false).close();
    expect((await replay(talk.packets)).map(({ outcome, reason, request }) => [outcome, reason, request?.target])).toEqual([
      ['matched', '', '/100'],
      ['malformed', 'head-too-large', '/200'],
    ]);
  });
});
