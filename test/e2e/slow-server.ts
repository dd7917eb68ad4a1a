/**
 * A server whose answers take as long as their first path element says (`/ms20/17`: 20 ms), and which measures how long they took.
 * `/queue/...` takes 4 ms, one request after the other. Run it with a port; it tells over IPC when it listens, and what it measured
 * when it is sent a message: microseconds by first path element.
 */
import { createServer, type ServerResponse } from 'node:http';

const measured: Record<string, number[]> = {};
const queue: (() => void)[] = [];

function serveQueue(): void {
  const next = queue[0];
  if (next === undefined) return;
  setTimeout(() => {
    next();
    queue.shift();
    serveQueue();
  }, 4);
}

const server = createServer((request, response: ServerResponse) => {
  request.resume().on('end', () => {
    const startUs = performance.now() * 1000;
    const kind = request.url!.split('/')[1]!;
    const finish = (): void => {
      response.writeHead(kind === 'fail' ? 503 : 200, { 'content-type': 'text/plain' });
      response.end('x'.repeat(1000));
      (measured[kind] ??= []).push(performance.now() * 1000 - startUs);
    };
    if (kind === 'queue') {
      if (queue.push(finish) === 1) serveQueue();
    } else setTimeout(finish, Number(kind.slice(2)) || 0);
  });
});

process.on('message', () => process.send!(measured));
server.listen(Number(process.argv[2]), '0.0.0.0', () => process.send!('listening'));
