import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/findings/data.ts';
import { Watchman } from '../../src/findings/watchman.ts';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { Exchange, ExchangeHandler } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { Sighting } from '../../src/observe/sighting.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';
import { FileTap } from '../../src/tap/file-tap.ts';
import { corpusFolder, readIndex } from './oracle.ts';

/** Rules about what is not valid HTTP: much of the corpus is made to be just that. */
const FAULTS = ['request-smuggling', 'ambiguous-head', 'protocol-violation'];

/**
 * Captures in which attacks were made, as their makers say or their requests show, and what must be found in them. There are two more,
 * bug-5437-01 of suricata-verify and ipv4__fragmented-4 of zeek: of their connections nothing can be read.
 */
const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  'ndpi/default__pcap__WebattackRCE.pcap': ['command-injection', 'path-traversal', 'scanner-agent', 'sensitive-file'],
  'ndpi/default__pcap__WebattackSQLinj.pcap': ['sql-injection'],
  'suricata-verify/bug-7657-01__input.pcap': ['path-traversal'],
  'suricata-verify/detect-http-uri__DetectEngineHttpRawUriTest01__test.fpc.pcap': ['path-traversal'],
  'suricata-verify/detect-http-uri__DetectEngineHttpRawUriTest03__test.fpc.pcap': ['path-traversal'],
  'suricata-verify/detect-http-uri__DetectEngineHttpRawUriTest05__test.fpc.pcap': ['path-traversal'],
  'suricata-verify/http-protocol-nodup__input.pcap': ['path-scan', 'scanner-agent', 'sensitive-file'],
  'suricata-verify/output-multi-eve__input.pcap': ['code-injection'],
  'suricata-verify/tcp-fastopen-03__tfo.pcap': ['path-traversal'],
  'suricata-verify/tcp-fastopen-06__tfo-s1.pcap': ['path-traversal'],
  'suricata-verify/uricontent__detect-uricontent-04__input.pcap': ['path-traversal'],
  'suricata-verify/vxlan-non-zero-reserved-fields__input.pcap': ['path-traversal'],
  'zeek/tcp__payload-syn.pcap': ['path-traversal'],
  'zeek/tcp__tcp-fast-open.pcap': ['path-traversal'],
};

/** What is found in other captures, and is wrong or nobody's fault. */
const KNOWN_FALSE: readonly string[] = [
  // A test of large heads.
  'arkime/http2-nghttp2.pcap oversized-head',
  // A server of WebDAV that does not like what its client says.
  'ndpi/default__pcap__webdav.pcapng unusual-method',
  // Jupyter's own.
  'zeek/websocket__jupyter-websocket.pcap secret-in-url',
];

async function findingsIn(file: string): Promise<{ requests: number; findings: readonly Finding[] }> {
  const templates = new PathTemplates();
  const watchman = new Watchman({ toWallMs: (us) => us / 1000, fold: (template) => template });
  const endpoints = new Map<number, { id: number; name: string; observed: number[] }>();
  let requests = 0;
  const sight = (exchange: Exchange): void => {
    if (exchange.request === null || exchange.sighting !== null) return;
    requests += 1;
    exchange.sighting = new Sighting(exchange, templates);
    const id = exchange.flow.endpoint;
    if (!endpoints.has(id)) watchman.configure([...endpoints.set(id, { id, name: `endpoint ${id}`, observed: [] }).values()]);
  };
  const handler: ExchangeHandler = {
    onRequestHead(exchange) {
      sight(exchange);
      watchman.onRequestHead(exchange);
    },
    onRequest() {},
    onRequestLost(exchange, outcome, reason) {
      sight(exchange);
      watchman.onRequestLost(exchange, outcome, reason);
    },
    onResponseHead: (exchange) => watchman.onResponseHead(exchange),
    onResponse() {},
    onExchangeEnd() {},
  };
  const options = defaultHttpOptions();
  const table = new FlowTable((info, control) => new HttpConnection(info, control, handler, options, newHttpCounters()), {}, newFlowCounters());
  let lastUs = 0;
  await new FileTap(join(corpusFolder(), file)).run({
    onSegment(segment) {
      lastUs = segment.timeUs;
      table.onSegment(segment);
    },
  });
  table.close(lastUs);
  return { requests, findings: watchman.data().findings };
}

const index = readIndex();
if (index === null) {
  const text = `no captures in ${corpusFolder()}: set SHADOWTAP_CORPUS to the folder that holds dev/index.json`;
  if (process.env['CI'] === 'true') throw new Error(text);
  console.error(`corpus tests skipped: ${text}`);
}

describe.skipIf(index === null)('findings in the corpus of real captures', () => {
  it('are the attacks that are in it, and nothing else but what is known', { timeout: 120_000 }, async () => {
    const other: string[] = [];
    let requests = 0;
    for (const { file } of index!) {
      const found = await findingsIn(file);
      requests += found.requests;
      const rules = [...new Set(found.findings.map(({ rule }) => rule))].filter((rule) => !FAULTS.includes(rule)).sort();
      if (ATTACKS[file] === undefined) other.push(...rules.map((rule) => `${file} ${rule}`));
      else expect(rules, file).toEqual(ATTACKS[file]);
    }
    expect(requests).toBeGreaterThan(2_000);
    expect(other.filter((line) => !KNOWN_FALSE.includes(line))).toEqual([]);
  });
});
