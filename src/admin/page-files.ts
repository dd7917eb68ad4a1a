import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShadowtapError } from '../errors.ts';
import type { StripAnswer, StripQuestion } from './strip-types.ts';

/** A file of the page as a browser gets it. */
export interface PageFile {
  readonly contentType: string;
  readonly body: string;
}

/** By path below `/assets/`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const SRC = fileURLToPath(new URL('..', import.meta.url));

/** Programs of the page; what they import comes with them. */
const ENTRIES = ['page/main.ts', 'page/login.ts'];
const STYLES = ['page/style.css'];

/** Files of packages, by what our modules call them. */
const LIBRARIES: Readonly<Record<string, readonly [name: string, file: string]>> = {
  'lit-html': ['lit-html', 'lit-html.js'],
  'lit-html/directives/repeat.js': ['lit-html', 'directives/repeat.js'],
  uplot: ['uplot', 'dist/uPlot.esm.js'],
};
/** What those need besides. */
const LIBRARY_PARTS: readonly (readonly [name: string, file: string])[] = [
  ['lit-html', 'directive.js'],
  ['lit-html', 'directive-helpers.js'],
  ['uplot', 'dist/uPlot.min.css'],
];

const IMPORT = /(\bfrom\s*|\bimport\s*)'([^']+)'/g;
const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

/**
 * All that the page consists of but for its HTML: our modules with their types taken out, and files of packages, from
 * this machine. Browsers find modules by path, so bare names are turned into paths.
 * @throws ShadowtapError INTERNAL
 */
export async function loadPageFiles(): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  let wanted = ENTRIES;
  while (wanted.length > 0) {
    const sources = await Promise.all(wanted.map((path) => readFile(join(SRC, path), 'utf8')));
    const stripped = await stripTypes(sources);
    const found = wanted.flatMap((path, index) => {
      files.set(path, { contentType: JAVASCRIPT, body: withPaths(path, stripped[index]!) });
      return localImports(path, stripped[index]!);
    });
    wanted = [...new Set(found)].filter((path) => !files.has(path));
  }
  for (const path of STYLES) files.set(path, { contentType: CSS, body: await readFile(join(SRC, path), 'utf8') });
  for (const [name, file] of [...Object.values(LIBRARIES), ...LIBRARY_PARTS]) {
    const body = await readFile(join(dirname(findPackageJSON(name, import.meta.url) ?? ''), file), 'utf8');
    files.set(`lib/${name}/${file}`, { contentType: file.endsWith('.css') ? CSS : JAVASCRIPT, body });
  }
  return files;
}

/** The page itself, or the form before it. */
export function loadHtml(name: 'index' | 'login'): Promise<string> {
  return readFile(join(SRC, 'page', `${name}.html`), 'utf8');
}

/** In a process of its own: what strips types stays in memory, 20 MiB, for as long as its process lives. */
async function stripTypes(sources: StripQuestion): Promise<StripAnswer> {
  const child = fork(new URL('./strip-types.ts', import.meta.url), { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const { promise, resolve, reject } = Promise.withResolvers<StripAnswer>();
  child.once('message', (answer) => resolve(answer as StripAnswer));
  child.once('error', reject);
  child.once('exit', (code) => reject(new ShadowtapError('INTERNAL', `the page's modules cannot be read: the process that strips types ended with code ${code}`)));
  child.send(sources);
  try {
    return await promise;
  } finally {
    child.kill();
  }
}

function localImports(path: string, code: string): string[] {
  return [...code.matchAll(IMPORT)].flatMap(([, , name = '']) => (name.startsWith('.') ? join(dirname(path), name) : []));
}

function withPaths(path: string, code: string): string {
  const up = '../'.repeat(path.split('/').length - 1);
  return code.replace(IMPORT, (whole, before: string, name: string) => {
    const library = LIBRARIES[name];
    return library === undefined ? whole : `${before}'${up}lib/${library.join('/')}'`;
  });
}
