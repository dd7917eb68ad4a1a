import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { newFlowCounters } from '../../src/flow/counters.ts';
import { HttpConnection } from '../../src/http/connection.ts';
import { newHttpCounters } from '../../src/http/counters.ts';
import type { DecoderOutcome, Exchange } from '../../src/http/exchange.ts';
import { defaultHttpOptions } from '../../src/http/message-reader.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { Planner } from '../../src/mirror/planner.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { Segment } from '../../src/tap/segment.ts';
import { Insight, type Onlooker } from '../../src/worker/insight.ts';
import { Pipeline } from '../../src/worker/pipeline.ts';
import { compileSnapshot, policyEntry } from '../../src/worker/targets.ts';
import { Conversation, fillSegment, SERVER_PORT, type Packet } from '../support/conversation.ts';

/** Writes down what it is told, and what it can see while it is told. */
class Witness implements Onlooker {
  readonly seen: string[] = [];

  onRequestHead({ request }: Exchange): void {
    this.seen.push(`head ${request!.method} ${request!.target} ${request!.headers.join(':')}`);
  }

  onRequest({ request }: Exchange): void {
    this.seen.push(`request ${request!.bodyLength}`);
  }

  onRequestLost({ request }: Exchange, outcome: DecoderOutcome, reason: string): void {
    this.seen.push(`lost ${outcome} ${reason} ${request!.target}`);
  }

  onResponseHead({ response }: Exchange): void {
    this.seen.push(`answer ${response!.status} ${response!.headers.join(':')}`);
  }

  onResponse({ response }: Exchange): void {
    this.seen.push(`response ${response!.bodyLength}`);
  }

  onExchangeEnd(): void {
    this.seen.push('end');
  }
}

/** What two onlookers are told of these packets, where a policy with this spec selects the endpoint. */
function look(packets: readonly Packet[], spec: object): { seen: string[]; sightings: number; settled: number } {
  const { value, problems } = validatePolicy({ apiVersion: 'shadowtap.dev/v1alpha1', kind: 'MirrorPolicy', metadata: { name: 'p' }, spec: { selector: {}, ...spec } });
  if (value === null) throw new Error(JSON.stringify(problems));
  const book = new AccountBook(1);
  const snapshot = buildSnapshot(1, [value], [{ id: 1, name: 'e', labels: {}, ports: [SERVER_PORT] }]);
  const compiled = compileSnapshot({ kind: 'policies', snapshot, accounts: [book.policy(policyEntry(value))[0]!.buffer], off: false }, 'marker');
  const pipeline = new Pipeline(book.workers[0]!, new Planner(), new ByteBudget(1 << 20), compiled, 'marker');
  const [first, second] = [new Witness(), new Witness()];
  let sightings = 0;
  const insight = new Insight(pipeline, () => ({ number: ++sightings }), [first, second]);
  insight.configure(snapshot);
  const http = defaultHttpOptions();
  const table = new FlowTable((info, control) => new HttpConnection({ ...info, endpoint: 1 }, control, insight, http, newHttpCounters()), {}, newFlowCounters());
  const segment = new Segment();
  for (const packet of packets) table.onSegment(fillSegment(segment, packet, true));
  table.close(packets.at(-1)!.timeUs);
  expect(second.seen).toEqual(first.seen);
  const { seen, open } = book.sums();
  expect(open).toBe(0);
  return { seen: first.seen, sightings, settled: seen };
}

function twoRequests(): readonly Packet[] {
  return new Conversation()
    .handshake()
    .client('POST /a?x=1 HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc')
    .server('HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok')
    .client('GET /b HTTP/1.1\r\nHost: shop\r\n\r\n')
    .server('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    .close().packets;
}

const OBSERVED = { observe: true };

describe('looking on', () => {
  it('sees whole heads, of requests that no policy mirrors as well', () => {
    const { seen, sightings, settled } = look(twoRequests(), OBSERVED);
    expect(seen).toEqual([
      'head POST /a?x=1 Host:shop:Content-Length:3',
      'request 3',
      'answer 201 Content-Length:2',
      'response 2',
      'end',
      'head GET /b Host:shop',
      'request 0',
      'answer 404 Content-Length:0',
      'response 0',
      'end',
    ]);
    expect([sightings, settled]).toEqual([2, 2]);
  });

  it('sees nothing where no policy observes the port, and the pipeline works as ever', () => {
    const targets = [{ url: 'http://mirror' }];
    for (const spec of [{ targets }, { targets, observe: true, ports: [SERVER_PORT + 1] }]) {
      expect(look(twoRequests(), spec)).toEqual({ seen: [], sightings: 0, settled: 2 });
    }
    expect(look(twoRequests(), { targets, observe: true, ports: [SERVER_PORT] }).sightings).toBe(2);
  });

  it('sees what is wrong with a request, and what could be read of it', () => {
    const packets = new Conversation()
      .handshake()
      .client('POST /smuggle HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n')
      .close().packets;
    expect(look(packets, OBSERVED)).toEqual({ seen: ['lost ambiguous length-and-chunked /smuggle', 'end'], sightings: 1, settled: 1 });
  });

  it('is told of no response whose request was never captured', () => {
    const packets = new Conversation().handshake().server('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok').close().packets;
    expect(look(packets, OBSERVED)).toEqual({ seen: [], sightings: 0, settled: 0 });
  });
});
