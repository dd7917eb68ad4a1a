import { PATH, QUERY, type Sample } from './probe.ts';

const WORD = /[A-Za-z0-9_]/;

/** What comes after the token is no more of the same word. */
export function endsWord({ text, end }: Sample): boolean {
  return end >= text.length || !WORD.test(text[end]!);
}

/** What comes before is not. */
export function beginsWord({ text, start }: Sample): boolean {
  return start === 0 || !WORD.test(text[start - 1]!);
}

/** A parameter's value begins with the token. */
export function beginsValue({ text, start, place }: Sample): boolean {
  return place !== QUERY || start === 0 || text[start - 1] === '=';
}

/** A digit follows. */
export function digitFollows({ text, end }: Sample): boolean {
  return /^ ?['"]?\d/.test(text.slice(end, end + 3));
}

/** An argument of a command or path follows, or the command ends. */
export function commandFollows({ text, end }: Sample): boolean {
  return end >= text.length || /[ ;|&\/<>`)]/.test(text[end]!);
}

/** Up to so many characters behind the token are looked at. */
const REACH = 64;

/** `1=1`, `'a'='a`, `"x"="x"`, `1 like 1`, `true` follows: a condition that is always met; or `1=2`, the one that never is. */
export function conditionFollows({ text, end }: Sample): boolean {
  const rest = text.slice(end, end + REACH);
  return /^ ?\(?(?:['"]?[\w.-]{0,24}['"]? ?(?:=|<|>| like )|(?:not )?(?:true|exists|sleep|benchmark|pg_sleep)\b)/i.test(rest);
}

/** Both sides are the same number or text: `1=1`, `'a'='a`. */
export function tautologyFollows({ text, end }: Sample): boolean {
  return /^ ?\(?(['"]?)([\w-]{1,24})\1 ?= ?(['"]?)\2(?![\w-])/.test(text.slice(end, end + REACH));
}

/** The value, or a word of it, ends here: nothing, the next parameter, or a space follows. */
export function valueEnds({ text, end }: Sample): boolean {
  return end >= text.length || /[ &#]/.test(text[end]!);
}

/** A mark of HTML stands somewhere before, or a quotation mark right before. */
export function insideTag({ text, start }: Sample): boolean {
  const before = text.slice(Math.max(0, start - 4 * REACH), start);
  return /<[a-z!\/]/i.test(before) || /["'] ?\/?$/.test(before);
}

/** `7*7}}`: something to calculate, so that it shows whether it is. */
export function sumFollows({ text, end }: Sample): boolean {
  return /^ ?['"]?\d{1,9}['"]? ?[*+-] ?['"]?\d{1,9}['"]? ?[})%]/.test(text.slice(end, end + REACH));
}

/** A path that names a parent: it climbs out of the root, or it was encoded so that it is not seen, or only some servers see it. */
export function climbsOut({ text, raw, end, place }: Sample): boolean {
  const next = text[end] ?? '/';
  if (next === ';' || next === '\\') return true;
  return next === '/' && (place !== PATH || !raw.includes('/..') || depthAt(text, end) < 0);
}

/** How deep under its root a path is at `end`; below 0 once it has been above it. */
function depthAt(text: string, end: number): number {
  let depth = 0;
  for (const segment of text.slice(0, end).split(/[\/\\]/)) {
    if (segment === '..') depth -= 1;
    else if (segment !== '' && segment !== '.') depth += 1;
    if (depth < 0) return depth;
  }
  return depth;
}
