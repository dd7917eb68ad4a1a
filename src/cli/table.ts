import Table from 'cli-table3';
import { printable } from './printable.ts';

/**
 * @param rows cells may have several lines
 * @returns a table without colours, for any terminal and for files, whatever is in its cells
 */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const table = new Table({ head: [...head], chars: noRules, style: { head: [], border: [] } });
  for (const row of rows) table.push(row.map((cell) => cell.split('\n').map(printable).join('\n')));
  return table.toString();
}
