/** `unclear`: the machine was too noisy to tell. Empty where nothing was promised. */
export type Met = 'yes' | 'no' | 'unclear' | '';

/** One line of the result. */
export interface Figure {
  /** Which measurement it belongs to; `--only` takes it. */
  readonly row: string;
  readonly what: string;
  readonly measured: string;
  /** What it should be; empty where nothing was promised. */
  readonly target: string;
  readonly met: Met;
}

/** A bound that a figure should keep, and the one that would be better still. */
export interface Target {
  readonly atMost: number;
  readonly stretch?: number;
}

/** @param values of repeated trials: the median counts, the extremes are shown */
export function figure(row: string, what: string, unit: string, values: readonly number[], target?: Target): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  const range = sorted.length > 1 ? ` (${short(sorted[0]!)}–${short(sorted.at(-1)!)})` : '';
  const measured = `${short(middle)} ${unit}${range}`;
  if (target === undefined) return { row, what, measured, target: '', met: '' };
  const stretch = target.stretch === undefined ? '' : `, better ≤ ${target.stretch}`;
  return { row, what, measured, target: `≤ ${target.atMost} ${unit}${stretch}`, met: middle <= target.atMost ? 'yes' : 'no' };
}

/** A promise that is kept or not. */
export function promise(row: string, what: string, measured: string, target: string, met: Met): Figure {
  return { row, what, measured, target, met };
}

/** Something that can only be said in words. */
export function remark(row: string, what: string, measured: string): Figure {
  return { row, what, measured, target: '', met: '' };
}

/** Three significant digits, as people write them. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}
