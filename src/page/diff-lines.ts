/** A line of a comparison: of both sides, or of one of them. */
export interface DiffRow {
  /** null: the side has nothing there. */
  readonly production: string | null;
  readonly mirror: string | null;
}

/** Longer texts are laid side by side line by line: aligning takes time and memory of lines x lines. */
const MOST_LINES = 600;

/** Lays two texts side by side so that what is equal stands in one row (longest common subsequence). */
export function diffLines(production: string, mirror: string): DiffRow[] {
  const a = production.split('\n');
  const b = mirror.split('\n');
  if (a.length > MOST_LINES || b.length > MOST_LINES) return pairUp(a, b);
  const width = b.length + 1;
  // common[i, j]: equal lines that can be kept in order from a[i] and b[j] on.
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const at = i * width + j;
      common[at] = a[i] === b[j] ? common[at + width + 1]! + 1 : Math.max(common[at + width]!, common[at + 1]!);
    }
  }
  const rows: DiffRow[] = [];
  let removed: string[] = [];
  let added: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      rows.push(...pairUp(removed, added), { production: a[i++]!, mirror: b[j++]! });
      removed = [];
      added = [];
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) removed.push(a[i++]!);
    else added.push(b[j++]!);
  }
  return [...rows, ...pairUp(removed, added)];
}

/** What was taken away beside what came instead. */
function pairUp(removed: readonly string[], added: readonly string[]): DiffRow[] {
  return Array.from({ length: Math.max(removed.length, added.length) }, (_, i) => ({ production: removed[i] ?? null, mirror: added[i] ?? null }));
}
