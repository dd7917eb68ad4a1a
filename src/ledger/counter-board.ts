/** A stage's counters: an object of fixed shape whose fields are all numbers, bumped in place on the hot path. */
export type CounterGroup = object;

/**
 * Makes the counters of one worker visible to the main thread through shared memory. Stages count in plain objects
 * (the cheapest thing there is); `publish` copies them a few times a second. Both threads build the board from groups
 * of the same shape, so a name means the same place on both sides.
 */
export class CounterBoard {
  readonly buffer: SharedArrayBuffer;
  readonly names: readonly string[];
  readonly #groups: readonly CounterGroup[];
  readonly #view: Float64Array;

  /** @param groups by prefix; a field `gaps` of the group `flow` is named `flow.gaps` */
  constructor(groups: Readonly<Record<string, CounterGroup>>, buffer?: SharedArrayBuffer) {
    this.#groups = Object.values(groups);
    this.names = Object.entries(groups).flatMap(([prefix, group]) => Object.keys(group).map((key) => `${prefix}.${key}`));
    this.buffer = buffer ?? new SharedArrayBuffer(this.names.length * Float64Array.BYTES_PER_ELEMENT);
    this.#view = new Float64Array(this.buffer);
  }

  /** Worker side. */
  publish(): void {
    let at = 0;
    for (const group of this.#groups) {
      for (const value of Object.values(group)) this.#view[at++] = typeof value === 'number' ? value : 0;
    }
  }

  /** Main side: adds the values to `into`, by name. */
  addTo(into: Map<string, number>): void {
    for (const [at, name] of this.names.entries()) into.set(name, (into.get(name) ?? 0) + this.#view[at]!);
  }
}
