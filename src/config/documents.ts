import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node, type ParsedNode } from 'yaml';
import { fileProblem, messageOf, ShadowtapError } from '../errors.ts';

const MAX_FILE_BYTES = 16 << 20;

/** One document of a YAML file, as plain data that knows its lines. */
export interface SourceDocument {
  readonly file: string;
  readonly value: unknown;
  /** Line of a field, from 1; of what is there of its path where the field is missing. */
  lineOf(path: readonly (string | number)[]): number;
}

/**
 * Reads all documents of a YAML (or JSON) file; empty ones are left out.
 * @throws ShadowtapError CONFIG_FILE
 */
export function readDocuments(file: string): SourceDocument[] {
  const text = readText(file);
  const lines = new LineCounter();
  try {
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    const documents = Array.isArray(parsed) ? parsed : [];
    const broken = documents.flatMap(({ errors }) => errors)[0];
    if (broken !== undefined) {
      const message = broken.message.split('\n', 1)[0]!;
      throw new ShadowtapError('CONFIG_FILE', `${file}:${lines.linePos(broken.pos[0]).line}: not YAML: ${message}`);
    }
    return documents.filter(({ contents }) => !isEmpty(contents)).map((document) => sourceDocument(file, document, lines));
  } catch (thrown) {
    if (thrown instanceof ShadowtapError) throw thrown;
    // Aliases without end, or nesting deeper than the stack.
    throw new ShadowtapError('CONFIG_FILE', `${file}: not usable YAML: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= MAX_FILE_BYTES) return bytes.toString('utf8');
  } catch (thrown) {
    throw new ShadowtapError('CONFIG_FILE', `${file}: cannot be read: ${fileProblem(thrown)}`, { cause: thrown });
  }
  throw new ShadowtapError('CONFIG_FILE', `${file}: larger than ${MAX_FILE_BYTES} bytes; split it`);
}

function isEmpty(contents: ParsedNode | null): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function sourceDocument(file: string, document: Document.Parsed, lines: LineCounter): SourceDocument {
  return {
    file,
    value: document.toJS() as unknown,
    lineOf: (path) => lines.linePos(offsetOf(document.contents, path)).line,
  };
}

/** Follows a path as far as there are nodes for it. */
function offsetOf(root: ParsedNode | null, path: readonly (string | number)[]): number {
  let node: unknown = root;
  let offset = root?.range[0] ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === step);
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
