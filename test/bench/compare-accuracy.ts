/**
 * How right the comparison is: `node test/bench/compare-accuracy.ts`, about eight minutes. Two versions of a shop with noise of all sorts run
 * behind Node's HTTP server, with defects planted in version 2 at known rates; the comparator, the differ and the judge are those of
 * the agent. Beside it, how often the verdict on latency is wrong, and how often it sees a planted slowdown. Prints Markdown.
 *
 *   --only comparison|latency|agent   comparison: the same in each run; latency: simulated, and real servers;
 *                                     agent: once through the whole agent, which needs root and a kernel with BPF
 *   --why                             which findings were false and which defects were missed
 */
import { parseArgs } from 'node:util';
import { runTrial, type Score } from './compare-accuracy/comparison-trial.ts';
import { measure, REGIMES, simulate, type LatencyTrials } from './compare-accuracy/latency-trial.ts';
import { comparisonTable, latencyTable, summarise, type LatencyRow } from './compare-accuracy/tables.ts';
import { runAgentTrial } from './compare-accuracy/whole-agent.ts';

const RATES = [0, 0.001, 0.01, 0.1];
/** Exchanges, and how many trials of them. */
const VOLUMES = [
  { volume: 300, trials: 10 },
  { volume: 3_000, trials: 4 },
  { volume: 30_000, trials: 1 },
];

const SLOWDOWNS = [0, 0.05, 0.2];
const ALLOWED = [0, 0.1];
const SIMULATED_PAIRS = [50, 100, 200, 500];
const SIMULATED_ROUNDS = 200;
const MEASURED_PAIRS = [100, 400];
const MEASURED_ROUNDS = 20;

/** Once through the agent. */
const AGENT_TRIAL = { seed: 1, rate: 0.01, volume: 3_000 };

const { values } = parseArgs({ options: { only: { type: 'string' }, why: { type: 'boolean', default: false } } });

const PARTS: Readonly<Record<string, () => Promise<void>>> = { comparison: () => comparison(values.why), latency, agent };

const parts = values.only === undefined ? Object.values(PARTS) : [PARTS[values.only]];
for (const part of parts) {
  if (part === undefined) throw new Error(`--only takes ${Object.keys(PARTS).join(', ')}`);
  await part();
}

async function comparison(why: boolean): Promise<void> {
  const scores: Score[] = [];
  for (const { volume, trials } of VOLUMES) {
    for (const rate of RATES) {
      for (let seed = 1; seed <= trials; seed++) scores.push(...(await runTrial({ seed, rate, volumes: [volume] })));
      process.stderr.write(`${volume} exchanges at ${rate}\n`);
    }
  }
  const summaries = summarise(scores);
  process.stdout.write(`${comparisonTable(summaries)}\n\n`);
  if (!why) return;
  for (const { setting, rate, volume, falseFindings, missed } of summaries) {
    process.stdout.write(`${setting}, ${rate}, ${volume}\n${tally('false', falseFindings)}${tally('missed', missed)}`);
  }
}

function tally(word: string, names: readonly string[]): string {
  const counts = Map.groupBy(names, (name) => name);
  return [...counts].map(([name, all]) => `  ${word} ${all.length} times: ${name}\n`).join('');
}

async function latency(): Promise<void> {
  const simulated = REGIMES.flatMap((regime) =>
    settings().map(({ allowed, slowdown }): LatencyRow => {
      const verdicts = SIMULATED_PAIRS.map((pairs) => simulate(regime, { pairs, slowdown, allowed, rounds: SIMULATED_ROUNDS }));
      return { regime: regime.name, allowed, slowdown, verdicts };
    }),
  );
  process.stdout.write(`Share of ${SIMULATED_ROUNDS} simulated mirrors called slower:\n\n${latencyTable(simulated, SIMULATED_PAIRS, 'slower')}\n\n`);
  process.stdout.write(`Share called not different:\n\n${latencyTable(simulated.filter(({ allowed }) => allowed > 0), SIMULATED_PAIRS, 'no difference')}\n\n`);
  const measured: LatencyRow[] = [];
  for (const { allowed, slowdown } of settings()) {
    const trials = (pairs: number): LatencyTrials => ({ pairs, slowdown, allowed, rounds: MEASURED_ROUNDS });
    const verdicts = [];
    for (const pairs of MEASURED_PAIRS) verdicts.push(await measure(trials(pairs)));
    measured.push({ regime: 'real servers on loopback', allowed, slowdown, verdicts });
  }
  process.stdout.write(`Share of ${MEASURED_ROUNDS} real mirrors called slower:\n\n${latencyTable(measured, MEASURED_PAIRS, 'slower')}\n`);
}

async function agent(): Promise<void> {
  const { report, latency: verdicts, ...score } = await runAgentTrial(AGENT_TRIAL);
  const { compared, notCompared } = report.counts;
  process.stdout.write(
    `Through the agent: ${compared} of ${AGENT_TRIAL.volume} exchanges compared (others: ${JSON.stringify(notCompared)}); ` +
      `${score.found} of ${score.occurred} defects found, ${score.falseFindings.length} false findings; verdicts on latency: ${JSON.stringify(verdicts)}\n`,
  );
}

function settings(): { allowed: number; slowdown: number }[] {
  return ALLOWED.flatMap((allowed) => SLOWDOWNS.map((slowdown) => ({ allowed, slowdown })));
}
