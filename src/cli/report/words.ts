import type { Counts, EndpointReport, FieldReport, Interval, LatencyReport, PolicyReport } from '../../compare/report.ts';

/** 0.00123 as `0.12 %`: two digits that say something, whatever the size. */
export function share(value: number): string {
  const percent = value * 100;
  if (percent === 0) return '0 %';
  return `${Number(percent.toPrecision(percent >= 99.5 ? 3 : 2))} %`;
}

/** Microseconds for people. */
export function duration(us: number): string {
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${Number((us / 1_000).toPrecision(3))} ms`;
  return `${Number((us / 1_000_000).toPrecision(3))} s`;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `GET /orders/{id}` */
export function nameOf({ method, template }: Pick<EndpointReport, 'method' | 'template'>): string {
  return `${method} ${template}`;
}

/** `shop/next -> http://next.shop.svc: DIFFERS`. A baseline shows what is noise: its verdict would be taken for the mirror's. */
export function titleOf({ policy, target, role, verdict }: PolicyReport): string {
  return `${policy} -> ${target}: ${role === 'Baseline' ? 'baseline' : verdict.toUpperCase()}`;
}

/** `12 (1 %)`; the share of nothing needs no word. */
export function part(number: number, of: number): string {
  return number === 0 ? '0' : `${count(number)} (${share(of)})`;
}

/** Of production and the mirror. */
export function medians({ production, mirror }: LatencyReport): string {
  return `${duration(production.p50)} | ${duration(mirror.p50)}`;
}

/** The mirror's times by production's: `x 1.21 (1.15-1.28)`. */
export function factor({ ratio: { estimate, low, high }, verdict }: LatencyReport): string {
  if (verdict === 'too little data') return '';
  return `x ${estimate.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
}

/** The same with what it means. */
export function ratio(latency: LatencyReport): string {
  return `${factor(latency)} ${latency.verdict}`.trimStart();
}

/** A difference of shares: `+1.2 % (0.4 % to 2 %)`. */
export function change({ estimate, low, high }: Interval): string {
  return `${signed(estimate)} (${signed(low)} to ${signed(high)})`;
}

function signed(value: number): string {
  return value > 0 ? `+${share(value)}` : value < 0 ? `-${share(-value)}` : share(0);
}

export function placeOf({ where, kind }: Pick<FieldReport, 'where' | 'kind'>): string {
  return where === kind ? where : `${where} (${kind})`;
}

/** What was not compared, and why, the most frequent first. */
export function leftOut({ notCompared }: Counts): string {
  return Object.entries(notCompared)
    .filter(([, number]) => number > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([why, number]) => `${count(number)} ${why}`)
    .join(', ');
}

export function examplesOf({ examples }: FieldReport): string[] {
  return examples.map(({ production, mirror }) => `${production || '(nothing)'} | ${mirror || '(nothing)'}`);
}
