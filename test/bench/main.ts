/**
 * Measures what the agent costs, whether production notices it, and how peers do on the same machine.
 * See README.md beside this file.
 */
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { requireKernel } from '../support/kernel.ts';
import { createArena } from './arena.ts';
import { Bench, FULL, QUICK, type Row } from './context.ts';
import type { Figure } from './figures.ts';
import { describeMachine } from './machine.ts';
import { readOptions, type Options, type RowName } from './options.ts';
import { asMarkdown, asText, writeJson } from './report.ts';
import { COMPARE } from './rows/compare.ts';
import { DECODE } from './rows/decode.ts';
import { FIDELITY } from './rows/fidelity.ts';
import { HTTP2 } from './rows/http2.ts';
import { IDLE } from './rows/idle.ts';
import { OBSERVE } from './rows/observe.ts';
import { PEERS_ROW } from './rows/peers.ts';
import { PRODUCTION } from './rows/production.ts';
import { TAP } from './rows/tap.ts';
import { WHOLE_AGENT } from './rows/whole-agent.ts';

/** How long an interrupted measurement has to clean up after itself. */
const PATIENCE_MS = 8_000;
const RESULTS = fileURLToPath(new URL('../../bench-results/', import.meta.url));

const ROWS: Readonly<Record<RowName, Row>> = {
  tap: TAP,
  decode: DECODE,
  agent: WHOLE_AGENT,
  production: PRODUCTION,
  http2: HTTP2,
  compare: COMPARE,
  observe: OBSERVE,
  fidelity: FIDELITY,
  idle: IDLE,
  peers: PEERS_ROW,
};

async function run(options: Options, bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const name of options.rows) {
    bench.say(`— ${name} (load average ${loadavg()[0]!.toFixed(2)})`);
    figures.push(...(await ROWS[name].measure(bench)));
  }
  return figures;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Rejects at Ctrl-C or SIGTERM. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(`stopped by ${signal}`)));
  });
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (!requireKernel()) {
    process.exitCode = 1;
    return;
  }
  const machine = describeMachine();
  const interrupted = interruption();
  const arena = await createArena();
  const bench = new Bench(arena, options.quick ? QUICK : FULL, say);
  const measuring = run(options, bench);
  let figures: Figure[];
  try {
    figures = await Promise.race([measuring, interrupted]);
  } finally {
    await arena[Symbol.asyncDispose]();
    // After an interruption: with the arena gone, what was under way fails soon and takes its contender down.
    await Promise.race([measuring.catch(() => {}), sleep(PATIENCE_MS, undefined, { ref: false })]);
  }
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const report = { date: new Date().toISOString(), command, machine, figures, trials: bench.trials };
  process.stdout.write(options.markdown ? asMarkdown(report) : asText(report));
  say(`written to ${writeJson(RESULTS, report)}`);
}

try {
  await main();
} catch (error) {
  // What was under way may never end by itself.
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
