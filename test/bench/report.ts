import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderTable } from '../../src/cli/table.ts';
import type { Figure } from './figures.ts';
import { machineLine, type Machine } from './machine.ts';
import type { Trial } from './trial.ts';

export interface Report {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
  readonly trials: readonly Trial[];
}

const HEAD = ['row', 'what', 'measured', 'target', 'met'] as const;

const NOTE =
  'Medians of repeated trials, with the least and the greatest. CPU is user and system time. Clients, production, agent and ' +
  'mirror share all cores, nothing is pinned. Flat out, they compete: throughput then tells what the machine can bear, and ' +
  'what the agent and the mirror use is missing elsewhere.';

export function asText({ machine, figures }: Report): string {
  return `${renderTable(HEAD, cells(figures))}\n${machineLine(machine)}\n${NOTE}\n`;
}

export function asMarkdown({ machine, figures, command }: Report): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const table = [line(HEAD), line(HEAD.map(() => '---')), ...cells(figures).map(line)];
  return `${table.join('\n')}\n\n\`${command}\` on ${machineLine(machine)} ${NOTE}\n`;
}

/** @returns the file's path */
export function writeJson(folder: string, report: Report): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${report.date.replaceAll(':', '-')}.json`);
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

function cells(figures: readonly Figure[]): string[][] {
  return figures.map(({ row, what, measured, target, met }) => [row, what, measured, target, met]);
}
