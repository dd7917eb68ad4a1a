/** Numbers as people read them. All take what an agent sent, and say nothing wrong of what is no number. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return Number.isFinite(value) ? WHOLE.format(value) : '–';
}

/** A second. */
export function rate(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 100 ? WHOLE.format(value) : value >= 10 ? value.toFixed(1) : value === 0 ? '0' : value.toFixed(2);
}

/** Of a part between 0 and 1. */
export function share(part: number): string {
  if (!Number.isFinite(part)) return '–';
  const percent = part * 100;
  if (percent === 0) return '0 %';
  if (percent < 0.01) return '<0.01 %';
  return `${percent < 1 ? percent.toFixed(2) : percent < 99.95 ? percent.toFixed(1) : percent.toFixed(percent === 100 ? 0 : 2)} %`;
}

/** Of microseconds; negative where it is not known. */
export function duration(us: number): string {
  if (!Number.isFinite(us) || us < 0) return '–';
  if (us < 1_000) return `${us.toFixed(0)} µs`;
  if (us < 10_000) return `${(us / 1_000).toFixed(2)} ms`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 100_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}

/** A ratio. */
export function times(ratio: number): string {
  return Number.isFinite(ratio) ? `× ${ratio.toFixed(2)}` : '× –';
}

/** Of what was seen, if there were no difference. */
export function probability(p: number): string {
  return Number.isFinite(p) ? `p = ${p.toPrecision(2)}` : 'p unknown';
}

export function bytes(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '–';
  if (value < 1024) return `${value.toFixed(0)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${units[unit]}`;
}

/** A time of day, with milliseconds. */
export function clock(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return '–';
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** How long ago, or how long: the largest unit that fits. */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d`;
}
