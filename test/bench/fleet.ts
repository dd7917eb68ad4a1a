/**
 * What clusters of several sizes ask of the controller, and the controller of them: `node --expose-gc test/bench/fleet.ts`,
 * about a minute. Answers of agents are made up, with every policy's counts moving; reading them and summing them up is
 * the controller's own code, and so is what bounds its requests and writes. Prints a table.
 */
import { gapMs } from '../../src/controller/fleet-poll.ts';
import { countsEveryMs, writesPerSecond } from '../../src/controller/write-budget.ts';
import { agentReport } from '../../src/kube/agent-report.ts';
import { FleetTally } from '../../src/kube/fleet.ts';
import { renderTable } from '../../src/cli/table.ts';
import { agentStats, type PolicyPart } from '../support/agent-stats.ts';

const PODS_PER_NODE = 110;
/** As in `src/controller.ts` and `src/controller/lease.ts`. */
const LOOK_MS = 5_000;
const LEASE_REQUESTS_PER_MINUTE = 2 * (60 / 5);

interface Size {
  readonly agents: number;
  readonly policies: number;
  /** Of these, so many select pods of one node. */
  readonly perNode: number;
}

const SIZES: readonly Size[] = [
  { agents: 100, policies: 50, perNode: 20 },
  { agents: 1_000, policies: 200, perNode: 40 },
  { agents: 5_000, policies: 500, perNode: 40 },
  { agents: 5_000, policies: 500, perNode: 500 },
];

/** The text of /stats of one node. */
function answerOf(node: number, { policies, perNode }: Size): string {
  const parts = Array.from({ length: perNode }, (_, index): PolicyPart => {
    const number = (node * 7 + index) % policies;
    const own = Array.from({ length: PODS_PER_NODE }, (_, pod) => pod).filter((pod) => pod % perNode === index);
    return {
      policy: `team-${number % 50}/policy-${number}`,
      pods: Object.fromEntries(own.map((pod) => [`team-${number % 50}/app-${number}-7d9c6b5f4-${node}-${pod}`, ''])),
      requests: { mirrored: node + index, unmatched: 12_345, 'sampled-out': 99_999, shed: 3, failed: 2, incomplete: 1 },
      copies: { [`http://next-${number}.team-${number % 50}.svc`]: { mirrored: node + index, failed: 2, shed: 3 } },
    };
  });
  return JSON.stringify(agentStats(`node-${node}`, parts));
}

interface Round {
  readonly answerBytes: number;
  /** Of all answers. */
  readonly readMs: number;
  readonly sumMs: number;
  /** What is kept of them. */
  readonly keptBytes: number;
}

function round(size: Size): Round {
  let bytes = 0;
  let readMs = 0;
  let sumMs = 0;
  const before = heapUsed();
  const tally = new FleetTally();
  for (let node = 0; node < size.agents; node += 1) {
    const text = answerOf(node, size);
    bytes += text.length;
    const beganMs = performance.now();
    const report = agentReport(JSON.parse(text));
    const readAtMs = performance.now();
    if (report !== null) tally.add(report);
    readMs += readAtMs - beganMs;
    sumMs += performance.now() - readAtMs;
  }
  const beganMs = performance.now();
  const summaries = tally.summaries();
  sumMs += performance.now() - beganMs;
  if (summaries.length !== size.policies) throw new Error(`${summaries.length} policies were summed up`);
  return { answerBytes: bytes / size.agents, readMs, sumMs, keptBytes: heapUsed() - before };
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function column(size: Size): string[] {
  const { agents, policies, perNode } = size;
  const { answerBytes, readMs, sumMs, keptBytes } = round(size);
  const roundMs = Math.max(LOOK_MS, gapMs(agents));
  const figuresMs = countsEveryMs(policies, agents);
  const writesPerMinute = (60_000 * policies) / figuresMs;
  const burst = writesPerSecond(agents);
  return [
    String(agents),
    `${policies}, ${perNode} a node`,
    `${(answerBytes / 1024).toFixed(0)} KiB`,
    `${(roundMs / 1000).toFixed(0)} s`,
    `${((readMs + sumMs) / 1000).toFixed(2)} s (${sumMs.toFixed(0)} ms)`,
    ((readMs + sumMs) / roundMs).toFixed(3),
    `${(keptBytes / 2 ** 20).toFixed(1)} MiB`,
    ((agents * 60_000) / roundMs).toFixed(0),
    (LEASE_REQUESTS_PER_MINUTE + writesPerMinute).toFixed(0),
    `${(figuresMs / 1000).toFixed(0)} s`,
    ((writesPerMinute * agents) / 60).toFixed(0),
    `${(policies / burst).toFixed(0)} s`,
    (burst * agents).toFixed(0),
  ];
}

const HEADS = [
  'agents',
  'policies',
  'answer of an agent',
  'a round every',
  'CPU of a round (summing)',
  'cores',
  'heap kept',
  'requests to agents, a minute',
  'requests to the API server, a minute',
  'figures of a policy every',
  'watch events of figures, a second',
  'all conditions change: written in',
  'watch events then, a second',
];

if (globalThis.gc === undefined) process.stderr.write('without --expose-gc the heap is not what is kept\n');
round(SIZES[0]!);
const columns = SIZES.map(column);
process.stdout.write(`${renderTable(['', ...columns.map((_, index) => `size ${index + 1}`)], HEADS.map((head, row) => [head, ...columns.map((cells) => cells[row]!)]))}\n`);
