import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What one file of ours imports. Paths are relative to the root. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  /** Our own files that it imports, types included. */
  readonly local: readonly string[];
  /** Packages that it imports (`typebox` for `typebox/value`), without Node's own modules. */
  readonly packages: readonly string[];
}

const COMMENTS = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const IMPORTS = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]/g,
  /\brequire(?:\.resolve)?\(\s*['"]([^'"]+)['"]/g,
];

/** Every file under a folder whose name ends in one of the endings. */
export function filesUnder(folder: string, ...endings: string[]): string[] {
  const found: string[] = [];
  for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (endings.some((ending) => name.endsWith(ending)) && statSync(join(ROOT, path)).isFile()) found.push(path);
  }
  return found.sort();
}

export function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const local = new Set<string>();
  const packages = new Set<string>();
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) local.add(relative(ROOT, resolve(ROOT, dirname(path), specifier)));
    else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier));
  }
  return { path, text, lines: text.split('\n').length - 1, local: [...local], packages: [...packages] };
}

/** The text without its comments, its lines in their places. */
export function withoutComments(text: string): string {
  return text.replace(COMMENTS, (comment) => comment.replace(/[^\n]/g, ''));
}

/** The specifiers of all imports in a text, static and dynamic; those in comments do not count. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''));
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
