/** CLOCK_MONOTONIC in microseconds: the clock of live taps. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Less than this is the clocks' own grain. */
const STEP_MS = 2;

/** Tells the time of day of live taps' times. The distance of the two clocks changes when somebody sets the time. */
export class MonotonicClock {
  #offsetMs = distanceMs();

  /** Call it a few times a second. */
  refresh(): void {
    const distance = distanceMs();
    if (Math.abs(distance - this.#offsetMs) > STEP_MS) this.#offsetMs = distance;
  }

  /** Microseconds of CLOCK_MONOTONIC to milliseconds since 1970. */
  readonly toWallMs = (timeUs: number): number => Math.round(this.#offsetMs * 1000 + timeUs) / 1000;
}

function distanceMs(): number {
  return Date.now() - monotonicUs() / 1000;
}
