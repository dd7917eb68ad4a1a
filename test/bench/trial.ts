import type { AgentStats } from '../../src/stats.ts';
import { outcomes } from '../support/agent.ts';
import type { Arena } from './arena.ts';
import type { Contender, Running } from './contenders.ts';
import { apply, nameOf, type Load } from './load.ts';
import { cpuUs } from './process-usage.ts';

/** One load on production beside one contender, and what it cost whom. */
export interface Trial {
  readonly contender: string;
  readonly load: string;
  readonly answered: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of the production server, microseconds a request. */
  readonly serverCpuUs: number;
  /** CPU of the contender's own processes in all, microseconds. */
  readonly ownCpuUs: number;
  /** Copies that arrived at the mirror. */
  readonly arrived: number;
  /** What the agent counted meanwhile; null for others. */
  readonly agent: AgentCounts | null;
}

export interface AgentCounts {
  readonly seen: number;
  readonly packetsCopied: number;
  readonly packetsShed: number;
  /** By `outcome reason`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** 0 unless BPF programs are timed. */
  readonly programNs: number;
  readonly programRuns: number;
}

export async function runTrial(arena: Arena, contender: Contender, running: Running, load: Load): Promise<Trial> {
  const { port, serverPids, pids, agent } = running;
  const arrivedBefore = await arena.arrived();
  const statsBefore = await agent?.stats();
  const [serverBefore, ownBefore] = [cpuUs(serverPids), cpuUs(pids)];
  const { sentAtMs: _, ...result } = await apply(load, arena.app.address, port);
  const serverCpuUs = (cpuUs(serverPids) - serverBefore) / result.answered;
  const arrived = contender.mirrors ? (await arena.arrivals(arrivedBefore + result.answered)) - arrivedBefore : 0;
  const ownCpuUs = cpuUs(pids) - ownBefore;
  const counts = agent === undefined ? null : difference(statsBefore!, await agent.stats());
  return { contender: contender.name, load: nameOf(load), ...result, serverCpuUs, ownCpuUs, arrived, agent: counts };
}

function difference(before: AgentStats, after: AgentStats): AgentCounts {
  const earlier = outcomes(before.ledger);
  const counts = Object.entries(outcomes(after.ledger)).map(([name, count]) => [name, count - (earlier[name] ?? 0)] as const);
  return {
    outcomes: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    seen: after.ledger.seen - before.ledger.seen,
    packetsCopied: after.tap.copied - before.tap.copied,
    packetsShed: after.tap.shed - before.tap.shed,
    programNs: after.tap.programNs - before.tap.programNs,
    programRuns: after.tap.programRuns - before.tap.programRuns,
  };
}
