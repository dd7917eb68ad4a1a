import Table from 'cli-table3';

/** @returns a table without colours, for any terminal and for files */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  const table = new Table({ head: [...head], chars: noRules, style: { head: [], border: [] } });
  for (const row of rows) table.push([...row]);
  return table.toString();
}
