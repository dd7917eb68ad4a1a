/**
 * What it costs to send a copy: CPU time (user and system) of this process, microseconds a request, from the captured
 * request to its outcome in the ledger. The mirror is nginx in a namespace of its own; the median of several rounds.
 * Needs root. Run it with the pinned Node: `node test/bench/emission.ts [name of a row]`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpRequest } from '../../src/http/exchange.ts';
import { PolicyAccount } from '../../src/ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { Emitter, type EmitterTarget } from '../../src/mirror/emitter.ts';
import { createNetwork } from '../support/network.ts';
import { startNginx } from '../support/servers/nginx.ts';

const REQUESTS = 30_000;
const ROUNDS = 7;
/** Copies come in batches, as from a ring that is drained every two milliseconds. */
const DRAIN_MS = 2;

interface Row {
  readonly name: string;
  readonly connections: number;
  readonly bodyBytes: number;
}

const ROWS: readonly Row[] = [
  { name: 'GET, 32 connections', connections: 32, bodyBytes: 0 },
  { name: 'POST of 1 KiB, 32 connections', connections: 32, bodyBytes: 1024 },
];

await using network = await createNetwork();
const shadow = await network.createPod({ name: 'shadow' });
await using _nginx = await startNginx(shadow, { port: 8080, log: false });
const only = process.argv[2];
for (const row of ROWS.filter(({ name }) => only === undefined || name.includes(only))) {
  const rounds: number[] = [];
  const emitter = new Emitter();
  const account = PolicyAccount.allocate(1);
  emitter.configure([targetOf(row, `http://${shadow.address}:8080`, account)]);
  await run(emitter, row, REQUESTS / 3);
  for (let round = 0; round < ROUNDS; round++) rounds.push(await run(emitter, row, REQUESTS));
  await emitter.close();
  rounds.sort((a, b) => a - b);
  const [least, median, most] = [rounds[0]!, rounds[ROUNDS >> 1]!, rounds[ROUNDS - 1]!].map((value) => value.toFixed(1));
  console.log(`${row.name.padEnd(40)} ${median} µs (${least} to ${most})   ${outcomes(account)}`);
}

function targetOf({ connections }: Row, origin: string, account: PolicyAccount): EmitterTarget {
  return {
    key: origin,
    origin,
    rules: {
      authority: new URL(origin).host,
      basePath: '',
      hostname: 'Preserve',
      marker: { name: 'shadowtap-mirrored', value: 'bench/emission' },
      modifiers: [],
    },
    limits: { maxInFlight: connections, maxQueued: 100_000, maxBytes: 1 << 30, maxBodyBytes: 1 << 20, timeoutMs: 10_000 },
    account,
    index: 0,
  };
}

/** @returns CPU microseconds a request */
async function run(emitter: Emitter, { connections, bodyBytes }: Row, requests: number): Promise<number> {
  const before = process.cpuUsage();
  const body = bodyBytes === 0 ? null : Buffer.alloc(bodyBytes, 'x');
  let offered = 0;
  let ended = 0;
  const listener = { onCopyEnd: () => (ended += 1) };
  while (ended < requests) {
    const room = Math.min(requests - offered, 4 * connections - (offered - ended));
    for (let i = 0; i < room; i++) emitter.offer(0, requestOf(offered + i, body), body, performance.now(), listener);
    offered += Math.max(room, 0);
    await sleep(DRAIN_MS);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requests;
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

function outcomes({ copies }: PolicyAccount): string {
  return OUTCOME_SLOTS.flatMap(({ outcome, reason }, slot) => {
    const count = copies[0]![slot]!;
    return count === 0 ? [] : [`${count} ${outcome} ${reason}`];
  }).join(', ');
}
