/**
 * A version of a small API, in a process of its own: `node versions-process.ts <version> <port> <http/1.1|h2>`. What its paths
 * mean stands in versions.ts.
 */
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';

const [version, port, protocol] = process.argv.slice(2);
const isNew = version === 'v2';

function bodyOf(path: string): string {
  const number = Number(path.split('/').at(-1));
  const order = { id: number, price: 10 + number, items: [{ name: 'a' }, { name: 'b' }] };
  if (isNew && (path.startsWith('/changed/') || (path.startsWith('/rare/') && number % 100 === 0))) order.price += 1;
  return JSON.stringify(path.startsWith('/noisy/') ? { ...order, waiting: Math.floor(Math.random() * 50) } : order);
}

/** Production alone breaks off in the middle. */
const breaks = (path: string): boolean => path.startsWith('/cut/') && !isNew;
const HEAD = { 'content-type': 'application/json', server: `shop-${version}` };

function listenHttp1(): void {
  const server = createServer((request, response) => {
    const body = bodyOf(request.url!);
    request.resume().on('end', () => {
      response.writeHead(200, { ...HEAD, 'content-length': body.length });
      if (breaks(request.url!)) response.write(body.slice(0, 9), () => response.destroy());
      else response.end(body);
    });
  });
  server.listen(Number(port), () => process.send!('listening'));
}

function listenHttp2(): void {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    const path = headers[':path']!;
    stream.on('error', () => {});
    stream.respond({ ':status': 200, ...HEAD });
    if (!breaks(path)) return void stream.end(bodyOf(path));
    stream.write(bodyOf(path).slice(0, 9));
    // What was written is to go out first.
    setTimeout(() => stream.destroy(new Error('it breaks off')), 20);
  });
  server.listen(Number(port), () => process.send!('listening'));
}

if (protocol === 'h2') listenHttp2();
else listenHttp1();
process.on('disconnect', () => process.exit());
