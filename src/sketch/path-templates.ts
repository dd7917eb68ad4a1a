import { looksRandom } from './chance.ts';
import { generalise } from './path-segment.ts';

/** Deeper, and wherever there is no room to learn more, a template ends so. */
const MORE = '{more}';
const VALUE = '{value}';
/** What is neither a path nor `*`. */
const OTHER = '(other)';

const SLASH = 0x2f;

const MAX_DEPTH = 12;
/** Elements of all paths together. */
const MAX_NODES = 4_096;
/** Siblings that may be words before it is asked whether they are values; words in use are allowed more. */
const MAX_SIBLINGS = 50;
const MAX_WORDS = 200;
/** So often asked for, a sibling is taken for a word. */
const FREQUENT = 8;
/** So often it has to be full before what is rarely asked for makes room. */
const PATIENCE = 50_000;
/** Methods of gRPC that are known by name; others are paths like any. */
const MAX_METHODS = 1_000;

/** A method of gRPC as its services and methods are usually spelt: `/grpc.health.v1.Health/Check`. */
const GRPC = /^\/(?:[a-z_][\w]*\.)+[A-Z]\w*\/[A-Z]\w*$/;
const MAX_GRPC_LENGTH = 200;
/** Longer paths are no template. */
const MAX_PLAIN = 1_000;

interface Node {
  /** Its template so far, without a slash at the end. */
  readonly text: string;
  readonly depth: number;
  readonly children: Map<string, Node>;
  /** Children that stand for themselves, not for values. */
  words: number;
  maxWords: number;
  /** Other words than those among its children are `{value}`. */
  folded: boolean;
  /** How often a path ended here. */
  hits: number;
}

/**
 * Learns what the endpoints of an API are called: `/orders/42` belongs to `/orders/{id}`. What is surely a value becomes a
 * placeholder at once (see `generalise`); of names beside each other that turn out to be too many, those that are rarely used
 * become `{value}`. Template strings are shared: equal ones are one object. Whatever comes, memory and time stay bounded: at
 * most `MAX_NODES` elements of 64 characters, at most `MAX_DEPTH` of them looked at.
 *
 * `of(of(path)) === of(path)`. As names may turn out to be values later, tables that are keyed by template `fold` their keys
 * when they are read out.
 */
export class PathTemplates {
  readonly #root = newNode('', 0);
  /** Paths that are their own template, so that the usual ones need one look-up. */
  readonly #plain = new Map<string, Node>();
  readonly #methods = new Map<string, string>();
  #nodes = 1;
  /** Times that there was no room. */
  #missed = 0;

  /** @param target a request's target in any form (RFC 9112 section 3.2), with its query or without */
  of(target: string): string {
    return this.#of(target, 1);
  }

  /** What has become of a template meanwhile. That somebody wants to know does not make its names more usual. */
  fold(template: string): string {
    return this.#of(template, 0);
  }

  #of(target: string, hits: number): string {
    const start = startOfPath(target);
    if (start < 0) return target === '*' ? '*' : OTHER;
    const query = target.indexOf('?', start);
    const end = query < 0 ? target.length : query;
    if (start === end) return '/';
    const path = end - start === target.length ? target : target.slice(start, end);
    const plain = path.length > MAX_PLAIN ? undefined : this.#plain.get(path);
    if (plain === undefined) return this.#methodOf(path) ?? this.#learn(path, hits);
    plain.hits += hits;
    return plain.text;
  }

  #methodOf(path: string): string | null {
    if (path.length > MAX_GRPC_LENGTH || !GRPC.test(path)) return null;
    const known = this.#methods.get(path);
    if (known !== undefined) return known;
    if (this.#methods.size >= MAX_METHODS) return null;
    // Not a signed token, and what is done with it.
    if (path.slice(1, path.indexOf('/', 1)).split('.').some(looksRandom)) return null;
    const method = ownCopy(path);
    this.#methods.set(method, method);
    return method;
  }

  #learn(path: string, hits: number): string {
    if (this.#missed >= PATIENCE) this.#makeRoom();
    let node = this.#root;
    let start = 1;
    for (;;) {
      const slash = path.indexOf('/', start);
      const end = slash < 0 ? path.length : slash;
      const segment = path.slice(start, Math.min(end, start + LONG));
      const child = node.children.get(segment) ?? this.#childOf(node, generalise(segment));
      if (child === null) return more(node);
      node = child;
      if (slash < 0) break;
      start = slash + 1;
    }
    node.hits += hits;
    if (node.text === path) this.#plain.set(node.text, node);
    return node.text;
  }

  /** @returns null where there is no room */
  #childOf(parent: Node, segment: string): Node | null {
    const known = parent.children.get(segment);
    if (known !== undefined) return known;
    if (segment === MORE || parent.depth === MAX_DEPTH) return null;
    const isWord = !PLACEHOLDERS.has(segment);
    if (isWord && parent.words >= parent.maxWords) this.#fold(parent);
    if (isWord && parent.folded) return this.#childOf(parent, VALUE);
    if (this.#nodes >= MAX_NODES) {
      this.#missed++;
      return null;
    }
    const child = newNode(ownCopy(`${parent.text}/${segment}`), parent.depth + 1);
    parent.children.set(ownCopy(segment), child);
    if (isWord) parent.words++;
    this.#nodes++;
    return child;
  }

  /** Forgets what was hardly asked for, so that whoever tries everything does not leave the table full for good. */
  #makeRoom(): void {
    this.#missed = 0;
    this.#prune(this.#root);
    this.#plain.clear();
  }

  /** @returns how often it was asked for; of that half is forgotten, too */
  #prune(parent: Node): number {
    let hits = parent.hits;
    for (const [segment, child] of parent.children) {
      const asked = this.#prune(child);
      hits += asked;
      if (asked >= FREQUENT) continue;
      parent.children.delete(segment);
      if (!PLACEHOLDERS.has(segment)) parent.words--;
      this.#nodes -= sizeOf(child);
    }
    parent.hits >>= 1;
    return hits;
  }

  /** Its children are many: where most of them are in frequent use they are words, otherwise only those that are stay. */
  #fold(parent: Node): void {
    if (parent.folded) return;
    const words = [...parent.children].filter(([segment]) => !PLACEHOLDERS.has(segment)).map(([segment, child]) => ({ segment, child, hits: hitsOf(child) }));
    words.sort((a, b) => b.hits - a.hits);
    if (parent.maxWords < MAX_WORDS && words[words.length >> 1]!.hits >= FREQUENT) {
      parent.maxWords = Math.min(MAX_WORDS, parent.maxWords * 2);
      return;
    }
    parent.folded = true;
    for (const [index, { segment, child, hits }] of words.entries()) {
      if (hits >= FREQUENT && index < words.length >> 1) continue;
      parent.children.delete(segment);
      parent.words--;
      this.#nodes -= sizeOf(child);
    }
    this.#plain.clear();
  }
}

/** More than `generalise` looks at. */
const LONG = 65;
const PLACEHOLDERS: ReadonlySet<string> = new Set(['{id}', '{uuid}', '{date}', '{email}', VALUE]);

function newNode(text: string, depth: number): Node {
  return { text, depth, children: new Map(), words: 0, maxWords: MAX_SIBLINGS, folded: false, hits: 0 };
}

/** Interned by whoever keeps it; it is rare. */
function more({ text }: Node): string {
  return `${text}/${MORE}`;
}

function hitsOf(node: Node): number {
  let hits = node.hits;
  for (const child of node.children.values()) hits += hitsOf(child);
  return hits;
}

function sizeOf(node: Node): number {
  let size = 1;
  for (const child of node.children.values()) size += sizeOf(child);
  return size;
}

/** Where the path begins: -1 where there is none, the end where an absolute form has an empty one. */
function startOfPath(target: string): number {
  if (target.charCodeAt(0) === SLASH) return 0;
  if (target === '') return 0;
  const scheme = target.indexOf('://');
  const query = target.indexOf('?');
  if (scheme <= 0 || (query >= 0 && query < scheme)) return -1;
  const slash = target.indexOf('/', scheme + 3);
  if (slash >= 0 && (query < 0 || slash < query)) return slash;
  return query < 0 ? target.length : query;
}

/** A text that keeps no other alive, as a part of a head would the head. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
