import type { InsightData } from '../stats.ts';
import { countOf, isRecord, listOf, recordOf, shortTextOf } from './json.ts';

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
    firstMs: timeOf(firstMs),
    lastMs: timeOf(lastMs),
    count: countOf(count),
  };
}

function said(value: unknown, most: number): string {
  return shortTextOf(value, most).replace(/[^\x20-\x7e]/g, '?');
}

/** ECMA-262 section 21.4.1.1. */
const LAST_MS = 8.64e15;

function timeOf(value: unknown): number {
  return Math.min(LAST_MS, countOf(value));
}
