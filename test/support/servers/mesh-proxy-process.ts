import { readFileSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createSocketServer } from 'node:net';
import { MIRROR_CERT_FILE, MIRROR_KEY_FILE } from '../tls/tls.ts';

/**
 * A mesh's sidecar: takes in the pod's connections, which the namespace redirects to it, ends TLS, and passes requests on
 * to the app. Arguments: its port, the app's address and port. Plaintext is passed on too (Istio calls that permissive).
 */
const [port, host, appPort] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, rawHeaders } = incoming;
  const onwards = request({ host, port: Number(appPort), agent, method, path, headers: rawHeaders, setHost: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  onwards.on('error', () => outgoing.destroy());
  incoming.pipe(onwards);
}

const plain = createServer(pass);
const encrypted = createTlsServer({ cert: readFileSync(MIRROR_CERT_FILE), key: readFileSync(MIRROR_KEY_FILE) }, pass);

const TLS_HANDSHAKE = 0x16;

const doors = createSocketServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('readable', () => {
    const first = socket.read() as Buffer | null;
    if (first === null) return void socket.destroy();
    socket.unshift(first);
    (first[0] === TLS_HANDSHAKE ? encrypted : plain).emit('connection', socket);
  });
});
doors.listen({ port: Number(port), host: '::' }, () => console.log('listening'));
