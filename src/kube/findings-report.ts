import type { InsightData } from '../stats.ts';
import { isRecord, listOf, recordOf, textOf } from './json.ts';

type FindingsData = InsightData['findings'];
type Finding = FindingsData['findings'][number];

/** More than an agent that means well lists. */
const MAX_FINDINGS = 512;
const MAX_RULES = 100;
const MAX_RULE = 64;
const MAX_NAME = 512;
const MAX_EVIDENCE = 160;

/**
 * Reads what an agent has found, `FindingsData`. As with its statistics, it may have been taken over: what is not as it should be
 * is left out or cut, and texts are printable.
 * @returns null where it is none
 */
export function findingsReport(value: unknown): FindingsData | null {
  const { findings, totals, unlisted } = recordOf(value);
  if (!Array.isArray(findings) || !isRecord(totals)) return null;
  const rules = Object.entries(totals).slice(0, MAX_RULES);
  return {
    findings: listOf(findings).slice(0, MAX_FINDINGS).map(findingOf),
    totals: Object.fromEntries(rules.map(([rule, count]) => [said(rule, MAX_RULE), countOf(count)])),
    unlisted: countOf(unlisted),
  };
}

function findingOf({ rule, severity, endpoint, source, method, template, evidence, firstMs, lastMs, count }: Readonly<Record<string, unknown>>): Finding {
  return {
    rule: said(rule, MAX_RULE),
    severity: severity === 'low' || severity === 'medium' || severity === 'high' ? severity : 'info',
    endpoint: said(endpoint, MAX_NAME),
    source: said(source, MAX_RULE),
    method: said(method, MAX_RULE),
    template: said(template, MAX_NAME),
    evidence: said(evidence, MAX_EVIDENCE),
    firstMs: countOf(firstMs),
    lastMs: countOf(lastMs),
    count: countOf(count),
  };
}

function said(value: unknown, most: number): string {
  return textOf(value).slice(0, most).replace(/[^\x20-\x7e]/g, '?');
}

/** A whole number from 0 that every reader takes exactly, and every Date (ECMA-262 section 21.4.1.1). */
function countOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(8.64e15, Math.floor(value)) : 0;
}
