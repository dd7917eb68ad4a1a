/**
 * What the watchman costs a request, head and answer: CPU time of this process, microseconds; the least of several rounds, and
 * what it is made up of. Run it with the pinned Node: `node test/bench/findings-cost.ts`.
 */
import { Exchange, HttpRequest, HttpResponse } from '../../src/http/exchange.ts';
import { Watchman } from '../../src/findings/watchman.ts';
import { Sighting } from '../../src/observe/sighting.ts';
import { PathTemplates } from '../../src/sketch/path-templates.ts';

const ROUNDS = 5;
const REQUESTS = 60_000;
const CLIENTS = 200;

const BROWSER = ['Host', 'shop.example.com', 'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
  'Accept-Language', 'en-US,en;q=0.5', 'Accept-Encoding', 'gzip, deflate, br', 'Cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark', 'Connection', 'keep-alive', 'X-Request-Id', '6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d',
  'X-Forwarded-For', '203.0.113.7', 'Cache-Control', 'max-age=0'];
const TOKEN = `Bearer ${'eyJhbGciOiJSUzI1NiJ9.'}${'a'.repeat(600)}`;

interface Load {
  readonly target: string;
  readonly headers: readonly string[];
  readonly status: number;
}

const LOADS: Readonly<Record<string, Load>> = {
  'GET /api/v1/items, 10 headers, 200': { target: '/api/v1/items', headers: BROWSER, status: 200 },
  'GET with a query of 31 characters, 200': { target: '/api/v1/items?page=2&sort=price&dir=ascending', headers: BROWSER, status: 200 },
  'GET with an encoded query, 200': { target: '/search?q=blue%20shoes%20%26%20socks&page=2', headers: BROWSER, status: 200 },
  'GET with a bearer token, 200': { target: '/api/v1/items/42', headers: [...BROWSER, 'Authorization', TOKEN], status: 200 },
  'GET of what is not there, 404': { target: '/api/v1/gone', headers: BROWSER, status: 404 },
  'GET with SQL in its query, 200': { target: "/search?q=1'%20or%20'1'='1", headers: BROWSER, status: 200 },
  'hostile: 4,000 bytes of percent signs and quotes': { target: `/?q=${"%2527'%20or%20".repeat(280)}`, headers: BROWSER, status: 200 },
  'hostile: 4,000 bytes of dots and slashes': { target: `/${'a/../'.repeat(800)}`, headers: BROWSER, status: 404 },
};

/** The exchanges are there before the clock is started: only the watchman is measured. */
function round(load: Load): number {
  const templates = new PathTemplates();
  const watchman = new Watchman({ toWallMs: (us) => us / 1000, fold: (template) => template });
  watchman.configure([{ id: 1, name: 'shop/pod', observed: [] }]);
  let us = 0;
  const batches = REQUESTS / 1000;
  for (let batch = 0; batch < batches; batch++) {
    const exchanges = Array.from({ length: 1000 }, (_, i) => exchangeOf(load, batch * 1000 + i, templates));
    const before = process.cpuUsage();
    for (const exchange of exchanges) {
      watchman.onRequestHead(exchange);
      watchman.onResponseHead(exchange);
    }
    const { user, system } = process.cpuUsage(before);
    us += user + system;
    if (batch === 4) us = 0;
  }
  return us / ((batches - 5) * 1000);
}

function exchangeOf({ target, headers, status }: Load, index: number, templates: PathTemplates): Exchange {
  const client = `10.0.${(index % CLIENTS) >> 8}.${index % CLIENTS}`;
  const exchange = new Exchange({ id: index, endpoint: 1, clientAddress: client, clientPort: 1, serverAddress: '10.1.0.1', serverPort: 80 }, 0);
  const head = Buffer.from(`GET ${target} HTTP/1.1\r\n${headers.join('\r\n')}`, 'latin1').latin1Slice();
  const request = new HttpRequest();
  request.method = 'GET';
  request.target = head.slice(4, 4 + target.length);
  request.version = 'HTTP/1.1';
  let at = 4 + target.length + 11;
  request.headers = headers.map((text) => {
    const part = head.slice(at, at + text.length);
    at += text.length + 2;
    return part;
  });
  request.headBytes = head.length;
  request.firstUs = 1_000_000 + index * 20;
  const response = new HttpResponse();
  response.status = status;
  response.firstUs = request.firstUs + 10;
  exchange.request = request;
  exchange.response = response;
  exchange.sighting = new Sighting(exchange, templates);
  return exchange;
}

for (const [name, load] of Object.entries(LOADS)) {
  const rounds = Array.from({ length: name.startsWith('hostile') ? 2 : ROUNDS }, () => round(load));
  console.log(`${Math.min(...rounds).toFixed(2).padStart(7)} µs  ${name}`);
}
