/** A small shop to be attacked: pages, a login that knows one password, and a file that should not be there. Run it with a port. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
  request.on('end', () => {
    const path = request.url!.split('?', 1)[0]!;
    const answer = (status: number, type = 'application/json'): void => void response.writeHead(status, { 'content-type': type, 'content-length': 2 }).end('{}');
    if (path === '/login') return answer(body.includes('right') ? 200 : 401);
    if (path === '/.env') return answer(200, 'text/plain');
    answer(/^\/(?:products|search|cart|$)/.test(path) ? 200 : 404);
  });
});

server.listen(Number(process.argv[2]), '0.0.0.0', () => process.send!('listening'));
