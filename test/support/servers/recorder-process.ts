import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Behaviour, Call, ReceivedRequest, Reply } from './protocol.ts';

/** The recording server's own process: an HTTP server that remembers what it received. Ends with its parent. */

const received: ReceivedRequest[] = [];
const connections = new WeakMap<Socket, number>();
let lastConnection = 0;
let behaviour: Behaviour = { kind: 'answer' };

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0, maxHeaderSize: 256 * 1024 }, (request, response) => {
  record(request);
  if (behaviour.kind === 'reset') return void request.socket.resetAndDestroy();
  request.on('end', () => answer(response, behaviour));
});
server.maxRequestsPerSocket = 0;
server.on('connection', (socket) => {
  connections.set(socket, ++lastConnection);
  socket.setNoDelay(true);
});
server.on('clientError', (_error, socket) => socket.destroy());

function record(request: IncomingMessage): void {
  const receivedAt = Date.now();
  const digest = createHash('sha256');
  let bodyLength = 0;
  request.on('data', (chunk: Buffer) => {
    digest.update(chunk);
    bodyLength += chunk.length;
  });
  request.on('error', () => {}); // An aborted upload: `close` tells it.
  request.on('close', () =>
    received.push({
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      headers: pairs(request.rawHeaders),
      trailers: pairs(request.rawTrailers),
      bodyLength,
      bodySha256: digest.digest('hex'),
      complete: request.complete,
      connection: connections.get(request.socket) ?? 0,
      receivedAt,
    }),
  );
}

function answer(response: ServerResponse, how: Behaviour): void {
  const { socket } = response;
  if (socket === null) return;
  switch (how.kind) {
    case 'answer':
      if (how.delayMs) setTimeout(send, how.delayMs, response, how);
      else send(response, how);
      return;
    case 'garbage':
      socket.end('\u0000\u0001 this is not HTTP \r\n\r\n');
      return;
    case 'truncate':
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this', () => socket.resetAndDestroy());
      return;
    case 'silent':
    case 'reset':
  }
}

function send(response: ServerResponse, how: Behaviour & { kind: 'answer' }): void {
  const body = how.bodyBytes === undefined ? Buffer.from('ok\n') : Buffer.alloc(how.bodyBytes, 'x');
  const length = how.chunked ? {} : { 'content-length': body.length };
  response.writeHead(how.status ?? 200, { ...length, ...how.headers });
  if (!how.chunked) return void response.end(body);
  response.write(body.subarray(0, 1));
  response.end(body.subarray(1));
}

function pairs(raw: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) result.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return result;
}

async function perform(call: Call): Promise<unknown> {
  switch (call.do) {
    case 'listen':
      server.listen({ port: call.port, host: call.host, backlog: 4096 });
      await once(server, 'listening');
      return undefined;
    case 'behave':
      behaviour = call.behaviour;
      return undefined;
    case 'count':
      return received.length;
    case 'requests':
      return received;
    case 'forget':
      received.length = 0;
      return undefined;
  }
}

process.on('message', (call: Call) => {
  const reply = (answered: Omit<Reply, 'id'>) => process.send?.({ id: call.id, ...answered } satisfies Reply);
  perform(call).then(
    (result) => reply({ result }),
    (error: unknown) => reply({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
