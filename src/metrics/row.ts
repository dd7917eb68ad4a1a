type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** What a histogram of Prometheus says of one set of labels. */
export interface Distribution {
  readonly labels: Labels;
  /** For each bucket of the row, how many are at most its bound. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

interface AnyRow {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** One figure, for each set of labels. */
export interface FigureRow<S> extends AnyRow {
  readonly type: 'counter' | 'gauge';
  readonly samples: (stats: S) => readonly Sample[];
}

export interface HistogramRow<S> extends AnyRow {
  readonly type: 'histogram';
  /** Bounds, ascending, without infinity. */
  readonly buckets: readonly number[];
  readonly distributions: (stats: S) => readonly Distribution[];
}

/** One metric: what it is called, what it means, and where in the statistics its samples come from. */
export type MetricRow<S> = FigureRow<S> | HistogramRow<S>;

/** A metric without labels. */
export function single<S>(name: string, type: FigureRow<S>['type'], help: string, value: (stats: S) => number): FigureRow<S> {
  return { name, type, help, labels: [], samples: (stats) => [{ labels: {}, value: value(stats) }] };
}
