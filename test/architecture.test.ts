import { describe, expect, it } from 'vitest';
import { filesUnder, importsOf, readSource, withoutComments, type SourceFile } from './support/sources.ts';

/** Data flows down this line; a stage sees those before it and never one after it. */
const LINE = ['tap', 'flow', 'http', 'policy', 'mirror', 'record', 'compare', 'observe', 'findings', 'insight', 'worker', 'agent', 'cli'];

/** Seen from everywhere; a leaf sees nothing but the leaves before it. */
const LEAVES = ['errors', 'version', 'ledger', 'sketch'];

/** Beside the line: the last stage that each of them sees, and what it sees besides. The stages do not see them. */
const BESIDE: Readonly<Record<string, { readonly upTo?: string; readonly and?: readonly string[] }>> = {
  log: {},
  stats: { upTo: 'insight' },
  metrics: { upTo: 'insight', and: ['stats'] },
  config: { upTo: 'policy', and: ['log'] },
  kube: { upTo: 'findings', and: ['config', 'log', 'stats'] },
  admin: { and: ['stats', 'metrics', 'log'] },
  // Of other areas than the sketches it sees types alone: it runs in browsers.
  page: { upTo: 'worker', and: ['stats'] },
  controller: { upTo: 'insight', and: ['kube', 'config', 'log', 'stats', 'metrics', 'admin'] },
};

/** Where everything is put together. */
const ROOTS = ['agent', 'cli'];

const LINE_LIMIT = 400;

const sources = filesUnder('src', '.ts').map(readSource);

/** `src/flow/table.ts` belongs to `flow`, `src/agent.ts` to `agent`. */
function areaOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

/** Whether a file of one area may import a file of the other. */
function maySee(from: string, to: string): boolean {
  if (from === to) return true;
  if (LEAVES.includes(from)) return LEAVES.indexOf(to) >= 0 && LEAVES.indexOf(to) < LEAVES.indexOf(from);
  if (LEAVES.includes(to)) return true;
  const beside = BESIDE[from];
  if (beside === undefined) return to in BESIDE ? ROOTS.includes(from) : LINE.indexOf(to) <= LINE.indexOf(from);
  const last = beside.upTo === undefined ? -1 : LINE.indexOf(beside.upTo);
  return LINE.includes(to) ? LINE.indexOf(to) <= last : beside.and?.includes(to) === true;
}

/** The first circle of imports, as the paths on the way round, or none. */
function findCycle(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): string[] => {
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    if (done.has(path)) return [];
    for (const next of byPath.get(path)?.local ?? []) {
      const cycle = walk(next, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const file of files) {
    const cycle = walk(file.path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe('the architecture', () => {
  it('has no area that is neither on the line nor beside it', () => {
    const known = [...LINE, ...LEAVES, ...Object.keys(BESIDE)];
    expect(sources.map((file) => areaOf(file.path)).filter((area) => !known.includes(area))).toEqual([]);
  });

  it('lets imports point one way: tap ← flow ← http ← policy ← mirror ← record ← compare ← observe ← findings ← insight ← worker ← agent ← cli', () => {
    const wrong = sources.flatMap((file) =>
      file.local.filter((path) => !maySee(areaOf(file.path), areaOf(path))).map((path) => `${file.path} imports ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it('imports nothing of ours from outside src/', () => {
    const wrong = sources.flatMap((file) => file.local.filter((path) => !path.startsWith('src/')).map((path) => `${file.path} imports ${path}`));
    expect(wrong).toEqual([]);
  });

  it('has no circle of imports', () => {
    expect(findCycle(sources)).toEqual([]);
  });

  it('lets the page, which runs in browsers, import no code but its own and that of the sketches', () => {
    const page = sources.filter(({ path }) => areaOf(path) === 'page');
    const statements = page.flatMap(({ path, text }) => [...withoutComments(text).matchAll(/^import (?!type\b).*?from '(\.\.\/.*?)'/gms)].map(([, from]) => `${path}: ${from}`));
    expect(statements.filter((statement) => !/: \.\.\/sketch\//.test(statement))).toEqual([]);
    expect(page.flatMap(({ text }) => importsOf(text)).filter((name) => name.startsWith('node:'))).toEqual([]);
  });

  it('imports each third-party package in exactly one module', () => {
    const importers = new Map<string, string[]>();
    for (const file of sources) {
      for (const name of file.packages) importers.set(name, [...(importers.get(name) ?? []), file.path]);
    }
    expect([...importers].filter(([, files]) => files.length > 1)).toEqual([]);
  });

  it(`keeps every file under ${LINE_LIMIT} lines`, () => {
    const files = [...sources, ...filesUnder('bpf', '.c', '.h').map(readSource)];
    expect(files.filter((file) => file.lines > LINE_LIMIT).map((file) => `${file.path}: ${file.lines}`)).toEqual([]);
  });
});

describe('the sources', () => {
  const everything = [
    ...sources,
    ...['scripts', 'test'].flatMap((folder) => filesUnder(folder, '.ts', '.mjs', '.c', '.h')).map(readSource),
    ...filesUnder('bpf', '.c', '.h', '.md').map(readSource),
  ].filter((file) => file.path !== 'test/architecture.test.ts');

  function linesWith(pattern: RegExp, files: readonly SourceFile[]): string[] {
    return files.flatMap((file) =>
      file.text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${line.trim()}`] : [])),
    );
  }

  it('name no folder of the machine they were written on', () => {
    expect(linesWith(/(^|[\s'"`(=])\/(work|root|home|Users)\//, everything)).toEqual([]);
  });

  it('leave nothing for later', () => {
    expect(linesWith(/\b(TODO|FIXME|XXX|HACK)\b/, everything)).toEqual([]);
  });

  it('do not step around the type checker', () => {
    const typescript = everything.filter((file) => file.path.endsWith('.ts'));
    const code = typescript.map((file) => ({ ...file, text: withoutComments(file.text) }));
    expect(linesWith(/@ts-(ignore|nocheck)/, typescript)).toEqual([]);
    expect(linesWith(/\bas any\b|: any\b|<any>|^\s*(export )?(const )?enum /, code)).toEqual([]);
  });
});

describe('the import reader', () => {
  it('sees static, type, bare, re-exporting, multi-line and dynamic imports, and not those in comments', () => {
    const text = `
      import a, { b } from './a.ts';
      import type { C } from "./c.ts";
      import './d.ts';
      export * from './e.ts';
      import {
        f,
      } from './f.ts';
      const g = await import('./g.ts');
      const h = require('h');
      // import './no.ts';
      /* import './no.ts'; */
    `;
    expect(importsOf(text).sort()).toEqual(['./a.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts', 'h']);
  });

  it('finds a circle', () => {
    const file = (path: string, ...local: string[]): SourceFile => ({ path, local, text: '', lines: 0, packages: [] });
    expect(findCycle([file('a', 'b'), file('b', 'c'), file('c', 'b')])).toEqual(['b', 'c', 'b']);
    expect(findCycle([file('a', 'b', 'c'), file('b', 'c'), file('c')])).toEqual([]);
  });
});
