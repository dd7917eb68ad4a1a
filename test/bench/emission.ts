/**
 * What it costs to send a copy: CPU time (user and system) of this process, microseconds a request, from the captured
 * request to its outcome in the ledger. The mirror is nginx in a namespace of its own; the median of several rounds.
 * Needs root. Run it with the pinned Node: `node test/bench/emission.ts [name of a row]`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteBudget } from '../../src/flow/budget.ts';
import { HttpRequest } from '../../src/http/exchange.ts';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { BalancedClient, hostAndPort } from '../../src/mirror/balanced-client.ts';
import { H1Client } from '../../src/mirror/h1-client.ts';
import type { HttpClient } from '../../src/mirror/http-client.ts';
import { rewriteRules } from '../../src/mirror/rewrite-rules.ts';
import { prepareCopy } from '../../src/mirror/prepare-copy.ts';
import type { RewriteRules } from '../../src/mirror/rewrite.ts';
import { TargetQueue } from '../../src/mirror/target-queue.ts';
import { UndiciClient } from '../../src/mirror/undici-client.ts';
import { hashKeys } from '../../src/policy/keys.ts';
import { DEFAULT_MARKER } from '../../src/policy/router.ts';
import { policy } from '../policy/support.ts';
import { createNetwork } from '../support/network.ts';
import { startNginx } from '../support/servers/nginx.ts';

const REQUESTS = 30_000;
const ROUNDS = 7;
/** Copies come in batches, as from a ring that is drained every two milliseconds. */
const DRAIN_MS = 2;

interface Row {
  readonly name: string;
  readonly client: (origin: string) => HttpClient;
  readonly inFlight: number;
  readonly bodyBytes: number;
}

const undici = (origin: string): HttpClient => new UndiciClient(origin);
const own = (connections: number, pipelining: number) => (origin: string): HttpClient => new H1Client(origin, { connections, pipelining });

const PORTS = [8080, 8081, 8082];

/** The endpoints of a Service. */
const balanced = (connections: number, pipelining: number) => (origin: string): HttpClient => {
  const addresses = PORTS.map((port) => ({ host: new URL(origin).hostname, port }));
  const options = { connections, pipelining };
  return new BalancedClient((address, room) => new H1Client(`http://${hostAndPort(address)}`, options, room), addresses, options);
};

const ROWS: readonly Row[] = [
  { name: 'undici, GET, 32 connections', client: undici, inFlight: 32, bodyBytes: 0 },
  { name: 'own, GET, 32 connections', client: own(32, 1), inFlight: 32, bodyBytes: 0 },
  { name: 'own, GET, 8 connections, pipelining 16', client: own(8, 16), inFlight: 128, bodyBytes: 0 },
  { name: 'own, GET, 3 endpoints, 32 connections', client: balanced(32, 1), inFlight: 32, bodyBytes: 0 },
  { name: 'own, GET, 3 endpoints, 8 connections, pipelining 16', client: balanced(8, 16), inFlight: 128, bodyBytes: 0 },
  { name: 'undici, POST of 1 KiB, 32 connections', client: undici, inFlight: 32, bodyBytes: 1024 },
  { name: 'own, POST of 1 KiB, 32 connections', client: own(32, 1), inFlight: 32, bodyBytes: 1024 },
  { name: 'own, POST of 1 KiB, 8 connections, pipelining 16', client: own(8, 16), inFlight: 128, bodyBytes: 1024 },
];

class Contestant {
  readonly rounds: number[] = [];
  readonly #row: Row;
  readonly #queue: TargetQueue;
  readonly #copies = PolicyAccount.allocate(1).copies[0]!;
  readonly #rules: RewriteRules;

  constructor(row: Row, origin: string) {
    this.#row = row;
    const copied = policy({});
    this.#rules = rewriteRules(copied, copied.spec.targets[0]!, new URL(origin), DEFAULT_MARKER, hashKeys(null));
    const limits = { maxInFlight: row.inFlight, maxQueued: 100_000, maxBytes: 1 << 30, timeoutMs: 10_000, rate: null };
    this.#queue = new TargetQueue(row.client(origin), limits, this.#copies, new ByteBudget(1 << 30));
  }

  /** @returns CPU microseconds a request */
  async run(requests: number): Promise<number> {
    const { inFlight, bodyBytes } = this.#row;
    const body = bodyBytes === 0 ? null : Buffer.alloc(bodyBytes, 'x');
    const before = process.cpuUsage();
    let offered = 0;
    let ended = 0;
    const listener = { keeper: null, onCopyEnd: () => (ended += 1) };
    while (ended < requests) {
      const room = Math.min(requests - offered, 4 * inFlight - (offered - ended));
      for (let i = 0; i < room; i++) {
        const copy = prepareCopy({ rules: this.#rules, maxBodyBytes: Infinity }, requestOf(offered + i, body), body);
        if (typeof copy !== 'number') this.#queue.offer(copy, performance.now(), listener, null);
      }
      offered += Math.max(room, 0);
      await sleep(DRAIN_MS);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / requests;
  }

  report(): string {
    const sorted = this.rounds.toSorted((a, b) => a - b);
    const [least, median, most] = [sorted[0]!, sorted[ROUNDS >> 1]!, sorted[ROUNDS - 1]!].map((value) => value.toFixed(1));
    const outcomes = OUTCOME_SLOTS.flatMap(({ outcome, reason }, slot) => {
      const count = this.#copies[slot]!;
      return count === 0 ? [] : [`${count} ${outcome} ${reason}`];
    });
    return `${this.#row.name.padEnd(52)} ${median} µs (${least} to ${most})   ${outcomes.join(', ')}`;
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}

function requestOf(number: number, body: Buffer | null): HttpRequest {
  const request = new HttpRequest();
  request.version = 'HTTP/1.1';
  request.method = body === null ? 'GET' : 'POST';
  request.target = `/api/v1/items?page=${number}&sort=price`;
  request.headers = [
    'Host', 'shop.example.com',
    'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0',
    'Accept', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
    'Accept-Language', 'en-US,en;q=0.5',
    'Accept-Encoding', 'gzip, deflate, br',
    'Connection', 'keep-alive',
    'Cookie', 'session=0123456789abcdef0123456789abcdef; theme=dark',
    'X-Request-Id', '6f1c2f3e-7f0b-4a57-9f7f-0d6e1f1b2c3d',
    'X-Forwarded-For', '203.0.113.7',
    'Cache-Control', 'max-age=0',
  ];
  return request;
}

const server = (): string => `${PORTS.slice(1).map((port) => `listen ${port} backlog=4096;`).join(' ')} location / { return 200 "ok\\n"; }`;
await using network = await createNetwork();
const shadow = await network.createPod({ name: 'shadow' });
await using _nginx = await startNginx(shadow, { port: PORTS[0]!, server, log: false });
const only = process.argv[2] ?? '';
const contestants = ROWS.filter(({ name }) => name.includes(only)).map((row) => new Contestant(row, `http://${shadow.address}:8080`));
for (const contestant of contestants) await contestant.run(REQUESTS / 3);
// In turn: whatever else the machine does, it does to all of them.
for (let round = 0; round < ROUNDS; round++) for (const contestant of contestants) contestant.rounds.push(await contestant.run(REQUESTS));
for (const contestant of contestants) {
  console.log(contestant.report());
  await contestant.close();
}
