import { asOnWire, type RequestView } from './request-view.ts';
import type { MirrorPolicy } from './schema.ts';

/** Below so many, looking at each costs less than finding those that may fit. */
const WORTH_IT = 8;

/** How deep paths are followed: hostile ones have thousands of elements, and policies do not. */
const MAX_DEPTH = 32;

/**
 * Finds the policies whose path conditions may fit a request, so that many policies on one endpoint cost a request only
 * those that it may concern. A policy is filed under each path or prefix of its `matches`; one that a request cannot be
 * told from by its path (no match, a pattern, the root) is always among those found.
 */
export class PathIndex<Entry extends { readonly policy: MirrorPolicy }> {
  readonly #always: Entry[] = [];
  /** By path prefix, whole elements, without a slash at the end. */
  readonly #byPrefix = new Map<string, Entry[]>();
  #depth = 0;

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      const prefixes = entries.length < WORTH_IT ? null : prefixesOf(entry.policy);
      if (prefixes === null) this.#always.push(entry);
      else for (const prefix of prefixes) this.#file(prefix, entry);
    }
  }

  get always(): readonly Entry[] {
    return this.#always;
  }

  /** Adds those that may fit and are not among `always` to `found`; an entry may be there more than once. */
  find(request: RequestView, found: Entry[]): void {
    if (this.#byPrefix.size === 0) return;
    const path = request.path();
    let end = path.indexOf('/', 1);
    for (let depth = 1; depth <= this.#depth; depth++) {
      const prefix = end < 0 ? path : path.slice(0, end);
      const here = this.#byPrefix.get(prefix);
      if (here !== undefined) for (let i = 0; i < here.length; i++) found.push(here[i]!);
      if (end < 0) return;
      end = path.indexOf('/', end + 1);
    }
  }

  #file(prefix: string, entry: Entry): void {
    const here = this.#byPrefix.get(prefix);
    if (here === undefined) this.#byPrefix.set(prefix, [entry]);
    else here.push(entry);
    this.#depth = Math.max(this.#depth, depthOf(prefix));
  }
}

/** @returns null where the path does not tell */
function prefixesOf({ spec }: MirrorPolicy): Set<string> | null {
  if (spec.matches.length === 0) return null;
  const prefixes = new Set<string>();
  for (const match of spec.matches) {
    const path = pathOf(match);
    if (path === null) return null;
    const prefix = asOnWire(path).replace(/\/+$/, '');
    // An empty element is a prefix of no other in the way that paths are followed here.
    if (prefix === '' || prefix.includes('//') || depthOf(prefix) > MAX_DEPTH) return null;
    prefixes.add(prefix);
  }
  return prefixes;
}

/** The path or prefix that a match needs. */
function pathOf({ path, grpc }: MirrorPolicy['spec']['matches'][number]): string | null {
  if (grpc !== undefined) return grpc.type === 'Exact' && grpc.service !== '' ? `/${grpc.service}/${grpc.method}` : null;
  return path === undefined || path.type === 'RegularExpression' ? null : path.value;
}

function depthOf(prefix: string): number {
  return prefix.split('/').length - 1;
}
