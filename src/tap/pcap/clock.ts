/** How far the two clocks may part before the difference is measured again: NTP slews, an operator sets the time. */
const TOLERANCE_MS = 3;

/** Translates wall-clock times, which is what libpcap stamps packets with, to CLOCK_MONOTONIC. */
export class MonotonicClock {
  #offsetUs: number;

  constructor() {
    this.#offsetUs = measure();
  }

  /** Microseconds of CLOCK_MONOTONIC. */
  toMonotonicUs(wallUs: number): number {
    return Math.max(0, wallUs - this.#offsetUs);
  }

  /** Call now and then. */
  check(): void {
    const apartMs = Math.abs(Date.now() - (monotonicUs() + this.#offsetUs) / 1000);
    if (apartMs > TOLERANCE_MS) this.#offsetUs = measure();
  }
}

/** Date.now has whole milliseconds only: waits, for one at most, until it turns to the next. */
function measure(): number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  return now * 1000 - monotonicUs();
}

/** process.hrtime is CLOCK_MONOTONIC on Linux. */
function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1000;
}
