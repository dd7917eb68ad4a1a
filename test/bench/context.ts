import type { Arena } from './arena.ts';
import type { Contender, Running } from './contenders.ts';
import type { Figure } from './figures.ts';
import type { FlatOutLoad, Load, SteadyLoad } from './load.ts';
import { runTrial, type Trial } from './trial.ts';

/** How much of everything there is to be. */
export interface Effort {
  readonly repeats: number;
  readonly pairs: number;
  /** Seconds of each flat-out load. */
  readonly seconds: number;
  /** Requests of each steady load. */
  readonly count: number;
  readonly idleSeconds: number;
  /** Of agents that are held against each other: at a steady load, before what counts. */
  readonly runInSeconds: number;
  /** Of them; two that are the same differ by a tenth, as their memory lies elsewhere. */
  readonly rounds: number;
}

export const FULL: Effort = { repeats: 3, pairs: 10, seconds: 3, count: 12_000, idleSeconds: 10, runInSeconds: 20, rounds: 6 };
export const QUICK: Effort = { repeats: 1, pairs: 2, seconds: 1, count: 1_500, idleSeconds: 2, runInSeconds: 2, rounds: 1 };

/** Requests a second of the steady loads. */
export const RATE = 2_000;

/** One measurement: a name for `--only`, and how to take it. */
export interface Row {
  readonly name: string;
  measure(bench: Bench): Promise<Figure[]>;
}

/** What measurements have in hand. Keeps the record of every trial. */
export class Bench {
  readonly arena: Arena;
  readonly effort: Effort;
  readonly trials: Trial[] = [];
  readonly #say: (line: string) => void;

  /** @param say shows progress */
  constructor(arena: Arena, effort: Effort, say: (line: string) => void) {
    this.arena = arena;
    this.effort = effort;
    this.#say = say;
  }

  say(line: string): void {
    this.#say(line);
  }

  get steadyGet(): SteadyLoad {
    return { kind: 'steady', rate: RATE, count: this.effort.count, bodyBytes: 0 };
  }

  get steadyPost(): SteadyLoad {
    return { kind: 'steady', rate: RATE, count: this.effort.count, bodyBytes: 2048 };
  }

  get flatOut(): FlatOutLoad {
    return { kind: 'flat out', seconds: this.effort.seconds };
  }

  /** Starts a contender and runs it in: what runs for weeks is not measured in its first seconds. */
  async start(contender: Contender): Promise<Running> {
    this.say(`starting: ${contender.name}`);
    const running = await contender.start(this.arena);
    try {
      await runTrial(this.arena, contender, running, { kind: 'flat out', seconds: 1 });
      await runTrial(this.arena, contender, running, { kind: 'steady', rate: RATE, count: this.effort.count / 6, bodyBytes: 0 });
      return running;
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
  }

  async trial(contender: Contender, running: Running, load: Load): Promise<Trial> {
    const trial = await runTrial(this.arena, contender, running, load);
    this.trials.push(trial);
    const own = running.pids.length === 0 ? '' : `, own CPU ${(trial.ownCpuUs / trial.answered).toFixed(1)} µs`;
    const arrived = contender.mirrors ? `, ${trial.arrived} copies arrived` : '';
    this.say(`${trial.contender}, ${trial.load}: ${trial.answered} answered, p50 ${trial.p50Ms.toFixed(2)} ms, p99 ${trial.p99Ms.toFixed(2)} ms, server CPU ${trial.serverCpuUs.toFixed(1)} µs${own}${arrived}`);
    return trial;
  }

  async repeat(contender: Contender, running: Running, load: Load): Promise<Trial[]> {
    const trials: Trial[] = [];
    for (let i = 0; i < this.effort.repeats; i++) trials.push(await this.trial(contender, running, load));
    return trials;
  }
}
