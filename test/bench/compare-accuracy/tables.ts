import type { LatencyReport } from '../../../src/compare/report.ts';
import type { Score } from './comparison-trial.ts';
import type { Verdicts } from './latency-trial.ts';

/** Scores of the same setting, rate and volume, of different seeds. */
export interface Summary {
  readonly setting: string;
  readonly rate: number;
  readonly volume: number;
  readonly trials: number;
  readonly occurred: number;
  readonly found: number;
  readonly listed: number;
  readonly findings: number;
  readonly falseFindings: readonly string[];
  readonly missed: readonly string[];
  readonly differs: number;
  readonly safe: number;
}

export function summarise(scores: readonly Score[]): Summary[] {
  const groups = Map.groupBy(scores, ({ setting, rate, volume }) => JSON.stringify([setting, rate, volume]));
  return [...groups.values()].map((group) => {
    const sum = (of: (score: Score) => number) => group.reduce((total, score) => total + of(score), 0);
    const { setting, rate, volume } = group[0]!;
    return {
      setting,
      rate,
      volume,
      trials: group.length,
      occurred: sum((score) => score.occurred),
      found: sum((score) => score.found),
      listed: sum((score) => score.listed),
      findings: sum((score) => score.findings),
      falseFindings: group.flatMap((score) => score.falseFindings),
      missed: group.flatMap((score) => score.missed),
      differs: group.filter((score) => score.verdict === 'differs').length,
      safe: group.filter((score) => score.verdict === 'looks safe').length,
    };
  });
}

/** Share of the findings that were planted; 1 where there are none. */
export function precisionOf({ findings, falseFindings }: Summary): number {
  return findings === 0 ? 1 : 1 - falseFindings.length / findings;
}

/** Share of the defects that showed at all that are findings; 1 where none did. */
export function recallOf({ occurred, found }: Summary): number {
  return occurred === 0 ? 1 : found / occurred;
}

const COMPARISON_HEAD = ['setting', 'rate', 'exchanges', 'trials', 'defects that showed', 'recall', 'listed', 'false findings a trial', 'precision', 'verdicts: differs / safe / too little data'];

export function comparisonTable(summaries: readonly Summary[]): string {
  return markdown(
    COMPARISON_HEAD,
    summaries.map((summary) => {
      const { setting, rate, volume, trials, occurred, listed, findings, falseFindings, differs, safe } = summary;
      return [
        setting,
        percent(rate),
        volume.toLocaleString('en'),
        String(trials),
        (occurred / trials).toFixed(1),
        occurred === 0 ? '–' : recallOf(summary).toFixed(2),
        occurred === 0 ? '–' : (listed / occurred).toFixed(2),
        (falseFindings.length / trials).toFixed(1),
        findings === 0 ? '–' : precisionOf(summary).toFixed(2),
        `${differs} / ${safe} / ${trials - differs - safe}`,
      ];
    }),
  );
}

/** One row of verdicts on latency, by number of pairs. */
export interface LatencyRow {
  readonly regime: string;
  readonly allowed: number;
  readonly slowdown: number;
  readonly verdicts: readonly Verdicts[];
}

/** @param verdict whose shares are shown */
export function latencyTable(rows: readonly LatencyRow[], pairs: readonly number[], verdict: LatencyReport['verdict']): string {
  return markdown(
    ['times', 'allowed', 'planted', ...pairs.map((count) => `${count.toLocaleString('en')} pairs`)],
    rows.map(({ regime, allowed, slowdown, verdicts }) => [regime, percent(allowed), percent(slowdown), ...verdicts.map((shares) => percent(shares[verdict]))]),
  );
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
