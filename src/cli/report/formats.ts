import type { Report } from '../../compare/report.ts';
import { ShadowtapError } from '../../errors.ts';
import { printableJson } from '../printable.ts';
import { renderHtml } from './html.ts';
import { renderJunit } from './junit.ts';
import { renderText } from './text.ts';

const FORMATS = {
  table: renderText,
  json: (report: Report) => `${printableJson(report)}\n`,
  html: renderHtml,
  junit: (report: Report) => `${renderJunit(report)}\n`,
} as const;

export type ReportFormat = keyof typeof FORMATS;

/** @throws ShadowtapError USAGE */
export function checkReportFormat(text: string): ReportFormat {
  if (Object.hasOwn(FORMATS, text)) return text as ReportFormat;
  throw new ShadowtapError('USAGE', `--output: ${JSON.stringify(text)} is not allowed; give ${Object.keys(FORMATS).join(', ')}`);
}

export function renderReport(report: Report, format: ReportFormat): string {
  return FORMATS[format](report);
}
