import { Agent, createServer, request as ask, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { judgeLatency } from '../../../src/compare/judge/latency.ts';
import type { LatencyReport } from '../../../src/compare/report.ts';
import { seededRandom, type Random } from '../../../src/sketch/random.ts';
import { PairReservoir, type PairSample } from '../../../src/sketch/reservoir.ts';
import { disturbed, gaussian } from '../../support/noise.ts';

/** What times are like. */
export interface Regime {
  readonly name: string;
  /** Standard deviations of the logarithm: of what a request costs either side, and of each side's own noise. */
  readonly cost: number;
  readonly own: number;
  /** Share of all pairs that a disturbance lasts; 0 for none. */
  readonly disturbance: number;
}

export const REGIMES: readonly Regime[] = [
  { name: 'steady', cost: 0.5, own: 0.1, disturbance: 0 },
  { name: 'noisy', cost: 0.5, own: 0.35, disturbance: 0 },
  { name: 'noisy, disturbances of 1 % of the time', cost: 0.5, own: 0.35, disturbance: 0.01 },
  { name: 'noisy, disturbances of 5 % of the time', cost: 0.5, own: 0.35, disturbance: 0.05 },
];

export interface LatencyTrials {
  readonly pairs: number;
  /** Planted: 0.05 for a mirror that takes 1.05 times as long. */
  readonly slowdown: number;
  /** `maxSlowdownPercent` / 100 */
  readonly allowed: number;
  readonly rounds: number;
}

/** Shares of the rounds in which a verdict was given. */
export type Verdicts = Readonly<Record<LatencyReport['verdict'], number>>;

const TYPICAL_US = 20_000;
const HOP_US = 300;
/** As the comparator keeps. */
const SAMPLE = 512;
const CONFIDENCE = 0.95;

/** Verdicts on made-up times: log-normal, paired by what a request costs. */
export function simulate(regime: Regime, { pairs, slowdown, allowed, rounds }: LatencyTrials): Verdicts {
  const count = newCount();
  for (let round = 0; round < rounds; round++) {
    const random = seededRandom(round + 1);
    const sample = simulatedPairs(regime, pairs, 1 + slowdown, random);
    const connectUs = gaussian(16, random).map((value) => HOP_US * Math.exp(0.3 * value));
    count[judged(sample, connectUs, allowed)]++;
  }
  return shares(count, rounds);
}

function simulatedPairs({ cost, own, disturbance }: Regime, pairs: number, ratio: number, random: Random): PairSample {
  const noise = () => (disturbance === 0 ? gaussian(pairs, random) : disturbed(pairs, pairs * disturbance, random));
  const [costs, production, mirror, tremble] = [gaussian(pairs, random), noise(), noise(), gaussian(pairs, random)];
  const reservoir = new PairReservoir(SAMPLE, random);
  for (let i = 0; i < pairs; i++) {
    const typical = TYPICAL_US * Math.exp(cost * costs[i]!);
    const hop = HOP_US * Math.exp(0.3 * tremble[i]!);
    reservoir.add(i, typical * Math.exp(own * production[i]!), ratio * typical * Math.exp(own * mirror[i]!) + hop);
  }
  return reservoir;
}

/**
 * Verdicts on times of real servers on loopback, which wait and then answer: production's are taken at the server, the mirror's at its client, as the agent
 * does, so they differ by a real hop and a real event loop.
 */
export async function measure({ pairs, slowdown, allowed, rounds }: LatencyTrials): Promise<Verdicts> {
  const count = newCount();
  await using production = await SlowServer.start(1);
  await using mirror = await SlowServer.start(1 + slowdown);
  for (let round = 0; round < rounds; round++) {
    const random = seededRandom(round + 1);
    const connectUs: number[] = [];
    const reservoir = new PairReservoir(SAMPLE, random);
    let left = pairs;
    const lane = async () => {
      while (left-- > 0) {
        // As in the agent, connections are opened while there is much to do.
        if (left % Math.ceil(pairs / CONNECTS) === 0) connectUs.push(await timeToConnect(mirror.port));
        const [cost, own, other] = gaussian(3, random);
        const typicalMs = (TYPICAL_US / 1_000) * Math.exp(0.3 * cost!);
        const [first, second] = await Promise.all([production.ask(typicalMs * Math.exp(0.15 * own!)), mirror.ask(typicalMs * Math.exp(0.15 * other!))]);
        reservoir.add(performance.now(), first.atServerUs, second.atClientUs);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    count[judged(reservoir, connectUs, allowed)]++;
  }
  return shares(count, rounds);
}

const LANES = 16;
const CONNECTS = 8;

class SlowServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(ratio: number): Promise<SlowServer> {
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        const startMs = performance.now();
        setTimeout(() => {
          // Written before it is known how long writing takes, which is next to nothing.
          response.setHeader('x-us', String((performance.now() - startMs) * 1_000));
          response.end('done');
        }, Number(request.headers['x-wait-ms']) * ratio);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new SlowServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  ask(waitMs: number): Promise<{ atServerUs: number; atClientUs: number }> {
    return new Promise((resolve, reject) => {
      const startMs = performance.now();
      const sent = ask({ host: '127.0.0.1', port: this.port, agent: this.#agent, headers: { 'x-wait-ms': waitMs } });
      sent.on('error', reject);
      sent.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve({ atServerUs: Number(response.headers['x-us']), atClientUs: (performance.now() - startMs) * 1_000 }));
      });
      sent.end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function timeToConnect(port: number): Promise<number> {
  const startMs = performance.now();
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const us = (performance.now() - startMs) * 1_000;
  socket.destroy();
  return us;
}

function judged(pairs: PairSample, connectUs: readonly number[], maxSlowdown: number): LatencyReport['verdict'] {
  return judgeLatency({ pairs, baseline: null, connectUs, quickestUs: Infinity, maxSlowdown, confidence: CONFIDENCE })?.verdict ?? 'too little data';
}

function newCount(): Record<LatencyReport['verdict'], number> {
  return { slower: 0, faster: 0, 'no difference': 0, 'too little data': 0 };
}

function shares(count: Verdicts, rounds: number): Verdicts {
  return { slower: count.slower / rounds, faster: count.faster / rounds, 'no difference': count['no difference'] / rounds, 'too little data': count['too little data'] / rounds };
}
