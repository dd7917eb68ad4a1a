/** A head read with good will: for reports, and for responses, which need not be strict as they are not mirrored. */
export interface LenientHead {
  /** The start line's first two parts, split at white space, and the rest of it. */
  readonly startLine: readonly [string, string, string];
  readonly headers: string[];
}

/**
 * Reads a head, or a part of one, whose lines may end in LF or CRLF, may be folded (joined with one space), may have
 * space around names. Lines without a colon are left out. Takes time linear in the text.
 * @param text latin-1 of the bytes
 */
export function readLeniently(text: string): LenientHead {
  const lines = text.split('\n');
  const first = trim(lines.shift() ?? '');
  const [a = '', b = '', ...rest] = first.split(/[ \t]+/, 64);
  return { startLine: [a, b, rest.join(' ')], headers: readFields(lines) };
}

/** A trailer section read with good will. */
export function readTrailersLeniently(text: string): string[] {
  return readFields(text.split('\n'));
}

function readFields(lines: readonly string[]): string[] {
  const fields: string[] = [];
  let folded: string[] = [];
  for (const line of lines) {
    const isFold = isSpace(line.charCodeAt(0)) && fields.length > 0;
    const colon = isFold ? 0 : line.indexOf(':');
    if (isFold) folded.push(trim(line));
    else if (colon >= 0) {
      unfold(fields, folded);
      folded = [];
      fields.push(trim(line.slice(0, colon)), trim(line.slice(colon + 1)));
    }
  }
  unfold(fields, folded);
  return fields;
}

function unfold(fields: string[], folded: readonly string[]): void {
  const parts = folded.filter((part) => part !== '');
  if (parts.length === 0) return;
  const value = fields.pop()!;
  fields.push(value === '' ? parts.join(' ') : `${value} ${parts.join(' ')}`);
}

/** Without spaces, tabs and carriage returns at both ends. (A regular expression for the end takes quadratic time.) */
function trim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && (isSpace(text.charCodeAt(end - 1)) || text.charCodeAt(end - 1) === 0x0d)) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
