/**
 * What a request's way through the policies costs: `node test/bench/router.ts`. Prints a table; microseconds a request,
 * the best of five rounds.
 */
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import { Router } from '../../src/policy/router.ts';
import type { MirrorPolicy } from '../../src/policy/schema.ts';
import { Verdict } from '../../src/policy/verdict.ts';
import { exchange, policy } from '../policy/support.ts';

const COUNTS = [1, 100, 5000];
const ROUNDS = 5;
const REQUESTS = 100_000;
const HANDFUL = 5;
const ENDPOINT = { id: 1, name: 'shop/checkout-1', labels: { app: 'checkout' }, ports: [8080] };
const HEADERS = [
  'Host', 'shop.example', 'User-Agent', 'curl/8.5.0', 'Accept', '*/*', 'X-Request-ID', '7f3c', 'X-Tenant', 'acme',
  'Cookie', 'session=abcdef; theme=dark', 'Accept-Encoding', 'gzip', 'X-Forwarded-For', '10.0.0.9',
  'Traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'Connection', 'keep-alive',
];

interface Case {
  readonly name: string;
  /** @param index of `count` policies */
  readonly spec: (index: number, count: number) => Record<string, unknown>;
}

const elsewhere = { selector: { matchLabels: { app: 'another' } } };

const CASES: readonly Case[] = [
  {
    name: `${HANDFUL} select the endpoint, the others do not`,
    spec: (index) => ({ ...(index < HANDFUL ? {} : elsewhere), matches: [{ path: { value: `/api/v${index}` } }, { method: 'PUT' }] }),
  },
  {
    name: 'all select it, by exact paths',
    spec: (index) => ({ matches: [{ path: { type: 'Exact', value: `/api/items/${index}` } }] }),
  },
  {
    name: 'all select it, by path prefixes and methods',
    spec: (index) => ({ matches: [{ method: 'GET', path: { value: `/api/team-${index}` } }, { method: 'POST', path: { value: `/admin/${index}` } }] }),
  },
  {
    name: 'all select it, by a header (each is looked at)',
    spec: (index) => ({ matches: [{ headers: [{ name: 'x-tenant', value: `t${index}` }] }] }),
  },
  {
    name: 'all select it, by a pattern (each is looked at)',
    spec: (index) => ({ matches: [{ path: { type: 'RegularExpression', value: `/p${index % 50}/[0-9]+/.*` } }] }),
  },
];

const EXTRAS: readonly Case[] = [
  { name: 'from: a block with exceptions', spec: () => ({ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }) },
  { name: 'sample 10 %', spec: () => ({ sample: { percent: 10 } }) },
  { name: 'sample 10 %, sticky by cookie', spec: () => ({ sample: { percent: 10 }, stickyBy: { cookie: 'session' } }) },
];

function microseconds(policies: readonly MirrorPolicy[]): number {
  const router = new Router(buildSnapshot(1, policies, [ENDPOINT]));
  const verdict = new Verdict();
  const request = exchange({ target: '/api/items/0?page=2', headers: HEADERS });
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const requests = policies.length > 1000 ? REQUESTS / 20 : REQUESTS;
    const started = performance.now();
    for (let i = 0; i < requests; i++) router.route(request, 1, 8080, verdict);
    best = Math.min(best, ((performance.now() - started) * 1000) / requests);
  }
  return best;
}

function policies(count: number, { spec }: Case): MirrorPolicy[] {
  return Array.from({ length: count }, (_, index) => policy(spec(index, count), `p${index}`));
}

const WIDTH = Math.max(...[...CASES, ...EXTRAS].map(({ name }) => name.length));
const line = (name: string, cells: readonly string[]): string => `${name.padEnd(WIDTH)} ${cells.map((cell) => cell.padStart(9)).join('')}\n`;

process.stdout.write(line('policies (µs a request)', COUNTS.map(String)));
for (const one of CASES) process.stdout.write(line(one.name, COUNTS.map((count) => microseconds(policies(count, one)).toFixed(2))));
for (const one of EXTRAS) process.stdout.write(line(one.name, [microseconds(policies(1, one)).toFixed(2)]));
