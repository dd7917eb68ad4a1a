// A server for kernel tests: `server.mjs http|echo <port> [<cgroup.procs>]`. With the last argument it joins that cgroup
// before it opens its socket. Prints its port when it listens.
import { writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const [kind, port, cgroupProcs] = process.argv.slice(2);
if (cgroupProcs !== undefined) writeFileSync(cgroupProcs, String(process.pid));

const http = createHttpServer((request, response) => {
  const size = Number(/^\/bytes\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
  request.resume();
  request.on('end', () => response.end(size > 0 ? Buffer.alloc(size, 'shadowtap ') : 'hello'));
});
http.keepAliveTimeout = 0;

const echo = createTcpServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {}).pipe(socket);
});

(kind === 'http' ? http : echo).listen(Number(port), '::', () => process.stdout.write(`${port}\n`));
