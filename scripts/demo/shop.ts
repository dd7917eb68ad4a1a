/**
 * The demo's application, run twice: as v1 in one pod (production) and as v2 in another (the mirror).
 *
 *   node shop.ts <version> <host> <port>
 *
 * Answers as a small shop would, with what differs from answer to answer in any real one: times, ids, lists in no order. v2
 * has three defects (see answers.ts). It also keeps a fingerprint of every request that it received, so that the demo can
 * tell whether both versions got the same ones. Tells its parent its port, and the fingerprint at every message (not over
 * HTTP, where the tap would see that too).
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerTo, type Version } from './answers.ts';
import { whenParentIsGone } from './lifetime.ts';

const [version = 'v1', host = '127.0.0.1', port = '8080'] = process.argv.slice(2);

let received = 0;
/** Sum of 48-bit digests, one for each request: independent of their order. */
let fingerprint = 0n;

const server = createServer((request, response) => {
  const hash = createHash('sha256').update(identityOf(request));
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    hash.update(chunk);
  });
  request.on('end', () => {
    received += 1;
    fingerprint += hash.digest().readBigUInt64BE(0) >> 16n;
    const { status, json, afterMs } = answerTo(version as Version, request.method ?? '', request.url ?? '', Buffer.concat(chunks));
    const body = JSON.stringify(json);
    const answer = (): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    };
    if (afterMs === 0) answer();
    else setTimeout(answer, afterMs);
  });
});

/** What production and mirror must agree on: method, target, Host and the headers that the client chose. */
function identityOf(request: IncomingMessage): string {
  const chosen = ['host', 'user-agent', 'accept', 'content-type', 'x-request-id', 'x-tenant', 'cookie'];
  return [request.method, request.url, ...chosen.map((name) => request.headers[name])].join('\n');
}

process.on('message', () => process.send?.({ received, fingerprint: fingerprint.toString(16) }));
server.listen(Number(port), host, () => process.send?.({ port: (server.address() as AddressInfo).port }));
whenParentIsGone(() => process.exit());
