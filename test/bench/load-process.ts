/**
 * Sends requests at a fixed rate whatever the answers' speed (an open loop: a slow server cannot hide by slowing its
 * clients down), one at a time on each of its keep-alive connections. Writes bytes and counts bytes, so that it takes
 * little of the machine that it loads. Its own process; its job is its argument, its parent gets the result.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { bodyOf, headOf, type SteadyJob, type SteadyResult } from './traffic.ts';

const job = JSON.parse(process.argv[2] ?? '') as SteadyJob;
const latenciesMs: number[] = [];
const sentAtMs: number[] = [];
let errors = 0;

class Connection {
  readonly socket: Socket;
  /** When the request that it waits for was due; NaN when it is idle. */
  #dueMs = Number.NaN;
  /** Bytes of the answer that are still to come; -1 until its head has. */
  #missing = -1;
  #head = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => (errors += 1));
  }

  send(number: number, dueMs: number): void {
    this.#dueMs = dueMs;
    sentAtMs[number] = performance.timeOrigin + performance.now();
    const head = headOf(job, number);
    this.socket.write(job.bodyBytes === 0 ? head : head + bodyOf(job, number), 'latin1');
  }

  #receive(chunk: Buffer): void {
    if (this.#missing < 0) {
      this.#head += chunk.latin1Slice();
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!/^HTTP\/1.1 2/.test(this.#head)) errors += 1;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#head)?.[1] ?? 0);
      this.#missing = length - (this.#head.length - end - 4);
      this.#head = '';
    } else {
      this.#missing -= chunk.length;
    }
    if (this.#missing > 0) return;
    latenciesMs.push(performance.now() - this.#dueMs);
    this.#missing = -1;
    idle.push(this);
    sendDue();
  }
}

const idle: Connection[] = [];
for (let i = 0; i < job.connections; i++) {
  const socket = connect({ host: job.host, port: job.port, noDelay: true });
  await once(socket, 'connect');
  idle.push(new Connection(socket));
}

const startMs = performance.now();
let next = 0;

/** Request n is due n / rate after the start; its latency counts from then, even if no connection was free. */
function sendDue(): void {
  const nowMs = performance.now();
  for (;;) {
    const dueMs = startMs + (next * 1000) / job.rate;
    if (next >= job.count || dueMs > nowMs) return;
    const connection = idle.shift();
    if (connection === undefined) return;
    connection.send(next++, dueMs);
  }
}

const timer = setInterval(() => {
  sendDue();
  const overdueMs = performance.now() - startMs - (job.count * 1000) / job.rate;
  if (latenciesMs.length < job.count && overdueMs < job.patienceMs) return;
  clearInterval(timer);
  const seconds = (performance.now() - startMs) / 1000;
  const result: SteadyResult = { sent: next, answered: latenciesMs.length, errors, seconds, latenciesMs, sentAtMs };
  process.send?.(result, () => process.exit());
}, 1);
