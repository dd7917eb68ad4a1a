import type { PolicyReport, Verdict } from '../../../src/compare/report.ts';
import type { Defect } from './defects.ts';

/** What a report found of what was planted. */
export interface Found {
  /** Defects that were in an answer at least once, and of them those that are findings. */
  readonly occurred: number;
  readonly found: number;
  /** Those that are findings or listed as undecided. */
  readonly listed: number;
  readonly missed: readonly string[];
  /** Places that are findings, and of them those where nothing was planted. */
  readonly findings: number;
  readonly falseFindings: readonly string[];
  readonly verdict: Verdict;
}

/** @param planted defects that were in an answer at least once */
export function scoreOf({ endpoints, verdict }: PolicyReport, planted: readonly Defect[]): Found {
  const found = new Set<Defect>();
  const listed = new Set<Defect>();
  const falseFindings: string[] = [];
  let findings = 0;
  for (const { method, template, fields } of endpoints) {
    for (const { where, kind, undecided } of fields) {
      const defects = planted.filter((defect) => defect.method === method && defect.path.test(template) && defect.where.test(where));
      for (const defect of defects) listed.add(defect);
      if (undecided) continue;
      findings++;
      for (const defect of defects) found.add(defect);
      if (defects.length === 0) falseFindings.push(`${method} ${template}: ${kind} ${where}`);
    }
  }
  const missed = planted.filter((defect) => !found.has(defect)).map(({ name }) => name);
  return { occurred: planted.length, found: found.size, listed: listed.size, missed, findings, falseFindings, verdict };
}
