import { readFileSync } from 'node:fs';

/** How often the load is looked at. */
const CHECK_MS = 500;
/** The share never falls below this: a trickle shows when it may rise again. */
const LEAST_SHARE = 0.01;
/** It falls by at most half and by at least a twentieth at a time, and rises by a tenth. */
const STEEPEST_FALL = 0.5;
const GENTLEST_FALL = 0.95;
const RISE = 1.1;
const RISE_AT_LEAST = 0.01;
/** Below this part of the limit it rises; between here and the limit it stays, so that it does not swing. */
const CALM = 0.85;

const PRESSURE_FILE = '/proc/pressure/cpu';

export interface GovernorLimits {
  /** Cores that the agent may use, such as 0.5; null for no limit. */
  readonly cpuBudget: number | null;
  /** Percent of the time in which some task of the node may wait for a CPU; null for no limit. */
  readonly cpuPressure: number | null;
}

/** What the governor looks at: sums since some start, microseconds. */
export interface LoadReading {
  readonly nowUs: number;
  /** CPU time of the agent, user and system. */
  readonly cpuUs: number;
  /** Time in which some task waited for a CPU (PSI, Documentation/accounting/psi.rst); null where the kernel has none. */
  readonly stalledUs: number | null;
}

/**
 * Makes the agent give way to the node: while it uses more CPU than its budget, or the node's tasks wait for CPUs more
 * than they should, the share of admitted requests that is mirrored falls smoothly, and rises again when there is room.
 */
export class Governor {
  /** One number, 0 to 1, shared with the workers: the share of admitted requests that they may mirror. */
  readonly buffer = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  readonly #share = new Float64Array(this.buffer);
  readonly #limits: GovernorLimits;
  #before: LoadReading | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: GovernorLimits) {
    this.#limits = limits;
    this.#share[0] = 1;
  }

  get share(): number {
    return this.#share[0]!;
  }

  start(): void {
    if (this.#limits.cpuBudget === null && this.#limits.cpuPressure === null) return;
    this.#timer = setInterval(() => this.observe(readLoad()), CHECK_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Takes a reading and moves the share. */
  observe(now: LoadReading): void {
    const before = this.#before;
    this.#before = now;
    if (before === null || now.nowUs <= before.nowUs) return;
    const load = this.#load(before, now);
    const share = this.share;
    if (load > 1) this.#share[0] = Math.max(LEAST_SHARE, share * clamp(1 / load, STEEPEST_FALL, GENTLEST_FALL));
    else if (load < CALM) this.#share[0] = Math.min(1, Math.max(share * RISE, share + RISE_AT_LEAST));
  }

  /** The larger of the two loads, as parts of their limits. */
  #load(before: LoadReading, now: LoadReading): number {
    const { cpuBudget, cpuPressure } = this.#limits;
    const elapsedUs = now.nowUs - before.nowUs;
    const cpu = cpuBudget === null ? 0 : (now.cpuUs - before.cpuUs) / elapsedUs / cpuBudget;
    if (cpuPressure === null || now.stalledUs === null || before.stalledUs === null) return cpu;
    const pressure = ((now.stalledUs - before.stalledUs) / elapsedUs) * 100;
    return Math.max(cpu, pressure / cpuPressure);
  }
}

function readLoad(): LoadReading {
  const { user, system } = process.cpuUsage();
  return { nowUs: performance.now() * 1000, cpuUs: user + system, stalledUs: readStall() };
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234` */
function readStall(): number | null {
  try {
    const total = /^some .*total=(\d+)/m.exec(readFileSync(PRESSURE_FILE, 'utf8'))?.[1];
    return total === undefined ? null : Number(total);
  } catch {
    return null; // The kernel was built or started without PSI.
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
