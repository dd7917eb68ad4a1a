import type { Finding, FindingsData } from './data.ts';

/** Findings that are listed, of a worker and of several together. */
export const MAX_FINDINGS = 512;

/**
 * Sums up what several workers, or agents, have found; of none, nothing. What comes out is the same in whatever order. Where
 * there are too many, rules that found much give up their oldest.
 */
export function mergeFindings(parts: readonly FindingsData[]): FindingsData {
  const totals = new Map<string, number>();
  let unlisted = 0;
  for (const part of parts) {
    unlisted += part.unlisted;
    for (const [rule, count] of Object.entries(part.totals)) totals.set(rule, (totals.get(rule) ?? 0) + count);
  }
  const all = foldFindings(parts.flatMap(({ findings }) => findings));
  const most = mostOfEach(all);
  const seen = new Map<string, number>();
  const findings = all.filter(({ rule, count }) => {
    const before = seen.get(rule) ?? 0;
    seen.set(rule, before + 1);
    if (before >= most) unlisted += count;
    return before < most;
  });
  return { findings, totals: Object.fromEntries(totals), unlisted };
}

/** How many of each rule may stay, so that they find room together. */
function mostOfEach(findings: readonly Finding[]): number {
  const byRule = new Map<string, number>();
  for (const { rule } of findings) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
  const sizes = [...byRule.values()].sort((a, b) => a - b);
  let room = MAX_FINDINGS;
  for (const [index, size] of sizes.entries()) {
    const share = Math.floor(room / (sizes.length - index));
    if (size > share) return share;
    room -= size;
  }
  return MAX_FINDINGS;
}

/** Makes one of findings of the same rule, endpoint, source and template. The newest come first. */
export function foldFindings(findings: readonly Finding[]): Finding[] {
  const byKey = new Map<string, Finding>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.rule, finding.endpoint, finding.source, finding.template]);
    const known = byKey.get(key);
    byKey.set(key, known === undefined ? finding : together(known, finding));
  }
  return [...byKey.values()].sort(newestFirst);
}

function together(a: Finding, b: Finding): Finding {
  const [newest] = [a, b].sort(newestFirst);
  return { ...newest!, firstMs: Math.min(a.firstMs, b.firstMs), count: a.count + b.count };
}

function newestFirst(a: Finding, b: Finding): number {
  return b.lastMs - a.lastMs || byText(textOf(a), textOf(b));
}

/** Decides between findings of the same moment. */
function textOf({ rule, endpoint, source, template, method, evidence }: Finding): string {
  return JSON.stringify([rule, endpoint, source, template, method, evidence]);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
