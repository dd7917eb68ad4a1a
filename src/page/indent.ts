/** Longer texts are shown as they came. */
const MOST = 64 * 1024;
const DEEPEST = 64;

/**
 * JSON with a line for each value, so that two of them can be laid side by side. Values stay letter for letter, as
 * `JSON.parse` would not leave them: numbers keep their digits, names that come twice come twice. Other texts stay as they are.
 */
export function indent(text: string): string {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed) || trimmed.length > MOST || !isJson(trimmed)) return text;
  let out = '';
  let depth = 0;
  for (let i = 0; i < trimmed.length; i++) {
    const character = trimmed[i]!;
    if (character === '"') {
      const end = endOfString(trimmed, i);
      out += trimmed.slice(i, end);
      i = end - 1;
    } else if (character === '{' || character === '[') {
      const close = /^\s*[\]}]/.exec(trimmed.slice(i + 1, i + 65));
      if (close !== null) {
        out += character + close[0].trim();
        i += close[0].length;
      } else out += character + newLine(++depth);
    } else if (character === '}' || character === ']') out += newLine(--depth) + character;
    else if (character === ',') out += `,${newLine(depth)}`;
    else if (character === ':') out += ': ';
    else if (character.trim() !== '') out += character;
  }
  return out;
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function newLine(depth: number): string {
  return `\n${'  '.repeat(Math.min(depth, DEEPEST))}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
