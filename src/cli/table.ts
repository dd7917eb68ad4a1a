import Table from 'cli-table3';
import { printable } from './printable.ts';

/** Columns below which a cell is not wrapped: less cannot be read. */
const NARROW = 12;

/**
 * @param rows cells may have several lines
 * @param width of the terminal in columns: the widest cells are wrapped until the table fits, if it can
 * @returns a table without colours, for any terminal and for files, whatever is in its cells
 */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[], width = Infinity): string {
  const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const table = new Table({ head: [...head], chars: noRules, style: { head: [], border: [] } });
  const lines = rows.map((row) => row.map((cell) => cell.split('\n').map(printable)));
  const widths = fit([head.map((cell) => [cell]), ...lines], width);
  for (const row of lines) table.push(row.map((cell, i) => cell.flatMap((line) => wrap(line, widths[i]!)).join('\n')));
  return table.toString();
}

/** How wide the text of each column may be, so that all fit: the widest give way. */
function fit(rows: readonly (readonly (readonly string[])[])[], width: number): number[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.flatMap((row) => row[i]!.map((line) => line.length))));
  // Each column has a space on both sides and a rule; one more rule ends the table.
  let excess = widths.reduce((sum, own) => sum + own + 3, 1) - width;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROW) break;
    widths[widths.indexOf(widest)] = widest - 1;
    excess -= 1;
  }
  return widths;
}

/** A line in several ones, at spaces where there are any; further ones are indented. */
function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > width / 2 ? space : width;
    lines.push(rest.slice(0, end));
    rest = `  ${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest];
}
