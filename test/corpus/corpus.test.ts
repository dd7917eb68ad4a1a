import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { FileTap } from '../../src/tap/file-tap.ts';
import { ExchangePrinter } from '../../src/worker/exchange-printer.ts';
import type { ExchangeLine } from '../../src/worker/exchange-printer.ts';
import { compare, compareStreams, corpusFolder, count, familyOf, ourMessages, readIndex, readOracle } from './oracle.ts';
import type { Comparison, CorpusEntry, OracleMessage } from './oracle.ts';

/** Undisputed messages that we do not report, each with the reason why the oracle is wrong about them. */
const DISAGREEMENTS: readonly { readonly reason: string; readonly is: (message: OracleMessage, file: string) => boolean }[] = [
  {
    reason: 'interim responses are counted, not reported: an exchange has one final response',
    is: (message) => message.status !== undefined && message.status >= 100 && message.status < 200 && message.status !== 101,
  },
  {
    reason: 'the answer to an upgrade to HTTP/2 is interim: the final response comes on stream 1',
    is: (message, file) => message.status === 101 && file.startsWith('suricata-verify/http2-'),
  },
  {
    reason: 'the client had reset the connection seconds before, and the server answers with a reset: no server read it',
    is: (message, file) => file === 'zeek/modbus__modbus-and-non-modbus-p502.pcap' && message.sport === 60293,
  },
];

/** Directions of HTTP/2 streams that we do not report, with the reason. */
const UNREPORTED_STREAMS: readonly { readonly file: string; readonly reason: string }[] = [
  {
    file: 'deepflow/http__grpc-server-stream.pcap',
    reason: 'bytes before the response are missing, and no acknowledgement shows that the client ever got over them',
  },
];

async function decodeCapture(entry: CorpusEntry): Promise<ExchangeLine[]> {
  const lines: ExchangeLine[] = [];
  const printer = new ExchangePrinter((line) => lines.push(JSON.parse(line) as ExchangeLine));
  const flow = newFlowCounters();
  const options = defaultHttpOptions();
  const http = newHttpCounters();
  const table = new FlowTable((info, control) => new HttpConnection(info, control, printer, options, http), {}, flow);
  let lastUs = 0;
  await new FileTap(join(corpusFolder(), entry.file)).run({
    onSegment(segment) {
      lastUs = segment.timeUs;
      table.onSegment(segment);
    },
  });
  table.close(lastUs);
  expect({ held: flow.heldBytes, flows: flow.flows, heads: options.budget.used }, entry.file).toEqual({ held: 0, flows: 0, heads: 0 });
  const ended = Object.values(flow.ended).reduce((sum, n) => sum + n, 0);
  expect(ended, `${entry.file}: each flow ends once`).toBe(flow.opened);
  const requests = lines.filter((line) => line.request !== null).length;
  expect(requests, `${entry.file}: each request is reported once`).toBe(http.requests);
  return lines;
}

interface Tally {
  agreed: number;
  missing: number;
}

class Report {
  readonly families = new Map<string, { requests: Tally; responses: Tally }>();
  readonly explained = new Map<string, number>();
  readonly unexplained: string[] = [];
  readonly extra: string[] = [];

  add(file: string, kind: 'requests' | 'responses', { agreed, missing, extra }: Comparison): void {
    const family = this.families.get(familyOf(file)) ?? { requests: { agreed: 0, missing: 0 }, responses: { agreed: 0, missing: 0 } };
    this.families.set(familyOf(file), family);
    family[kind].agreed += agreed;
    for (const message of missing) {
      const known = DISAGREEMENTS.find(({ is }) => is(message, file));
      if (known !== undefined) count(this.explained, known.reason, 1);
      else {
        family[kind].missing++;
        this.unexplained.push(`${file}: ${describeMessage(message)}`);
      }
    }
    for (const message of extra) this.extra.push(`${file}: ${describeMessage(message)}`);
  }

  print(): void {
    const rows = [...this.families].map(([family, { requests, responses }]) => ({
      family,
      requests: `${requests.agreed} of ${requests.agreed + requests.missing}`,
      responses: `${responses.agreed} of ${responses.agreed + responses.missing}`,
    }));
    console.table(rows);
    for (const [reason, n] of this.explained) console.log(`${n} × ${reason}`);
    console.log(`${this.extra.length} messages beyond the oracle's`);
  }
}

function describeMessage({ src, sport, dst, dport, method, status, target, end_frame }: OracleMessage): string {
  const what = method === undefined ? `status ${status}` : `${method} ${target}`;
  return `${src} ${sport} → ${dst} ${dport} ${what} in frame ${end_frame ?? '?'}`;
}

const index = readIndex();
if (index === null) {
  const text = `no captures in ${corpusFolder()}: set SHADOWTAP_CORPUS to the folder that holds dev/index.json`;
  if (process.env['CI'] === 'true') throw new Error(text);
  console.error(`corpus tests skipped: ${text}`);
}

describe.skipIf(index === null)('the corpus of real captures', () => {
  it('is read as the oracle reads it', { timeout: 120_000 }, async () => {
    const report = new Report();
    for (const entry of index!) {
      const ours = ourMessages(await decodeCapture(entry));
      const oracle = readOracle(entry);
      report.add(entry.file, 'requests', compare(oracle.requests, ours.requests));
      report.add(entry.file, 'responses', compare(oracle.responses, ours.responses));
    }
    report.print();
    expect(index!.length).toBeGreaterThan(500);
    expect(report.unexplained).toEqual([]);
  });

  it('has HTTP/2 that is read as the oracle reads it', { timeout: 60_000 }, async () => {
    let agreed = 0;
    const missing: string[] = [];
    for (const entry of index!) {
      const { h2 } = readOracle(entry);
      if (h2.length === 0) continue;
      const comparison = compareStreams(h2, await decodeCapture(entry));
      agreed += comparison.agreed;
      for (const { src, sport, h2_stream: stream } of comparison.missing) {
        const known = UNREPORTED_STREAMS.find(({ file }) => file === entry.file);
        if (known === undefined) missing.push(`${entry.file}: stream ${stream} from ${src} ${sport}`);
        else console.log(`${entry.file}: ${known.reason}`);
      }
    }
    console.log(`${agreed} directions of HTTP/2 streams agree`);
    expect(missing).toEqual([]);
    expect(agreed).toBeGreaterThan(20);
  });
});
