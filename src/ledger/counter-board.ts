/**
 * A stage's counters: an object of fixed shape whose fields are numbers, or objects of the same kind. Stages bump them
 * in place: the cheapest thing there is on the hot path.
 */
export type CounterGroup = object;

interface Cell {
  readonly owner: Record<string, unknown>;
  readonly key: string;
  readonly name: string;
}

/**
 * Makes the counters of one worker visible to the main thread through shared memory: `publish` copies them there a few
 * times a second. Both threads build the board from groups of the same shape, so that a name means the same place on
 * both sides.
 */
export class CounterBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: readonly Cell[];
  readonly #gauges: ReadonlySet<string>;
  readonly #view: Float64Array;
  /** What workers before the present one had counted. */
  readonly #past: Float64Array;

  /**
   * @param groups by prefix: a field `gaps` of the group `flow` is named `flow.gaps`
   * @param gauges names of what says how things are now, and ends with its worker
   */
  constructor(groups: Readonly<Record<string, CounterGroup>>, gauges: readonly string[], buffer?: SharedArrayBuffer) {
    this.#gauges = new Set(gauges);
    this.#cells = Object.entries(groups).flatMap(([prefix, group]) => cellsOf(prefix, group));
    this.buffer = buffer ?? new SharedArrayBuffer(this.#cells.length * Float64Array.BYTES_PER_ELEMENT);
    this.#view = new Float64Array(this.buffer);
    this.#past = new Float64Array(this.#view.length);
  }

  /** Worker side. */
  publish(): void {
    for (let at = 0; at < this.#cells.length; at++) {
      const { owner, key } = this.#cells[at]!;
      this.#view[at] = owner[key] as number;
    }
  }

  /** Main side: the worker that wrote here is gone and another one begins at zero; its sums are kept. */
  retire(): void {
    for (const [at, { name }] of this.#cells.entries()) {
      if (!this.#gauges.has(name)) this.#past[at]! += this.#view[at]!;
    }
    this.#view.fill(0);
  }

  /** Main side: adds the published values to `into`, by name. */
  addTo(into: Record<string, number>): void {
    for (const [at, { name }] of this.#cells.entries()) into[name] = (into[name] ?? 0) + this.#past[at]! + this.#view[at]!;
  }
}

function cellsOf(prefix: string, group: CounterGroup): Cell[] {
  const owner = group as Record<string, unknown>;
  return Object.entries(owner).flatMap(([key, value]): Cell[] => {
    const name = `${prefix}.${key}`;
    return typeof value === 'object' && value !== null ? cellsOf(name, value) : [{ owner, key, name }];
  });
}
