import { asOnWire, decodeQuery } from '../policy/request-view.ts';

/** A QueryModifier filter, compiled. What it does not name stays byte for byte, in its order. */
export class QueryEdit {
  /** Written-out parameters, by name as on the wire. */
  readonly #set = new Map<string, string>();
  readonly #remove: ReadonlySet<string>;

  constructor(set: readonly { readonly name: string; readonly value: string }[], remove: readonly string[]) {
    for (const { name, value } of set) this.#set.set(asOnWire(name), `${encode(name)}=${encode(value)}`);
    this.#remove = new Set(remove.map(asOnWire));
  }

  /** @param query with its question mark, or empty; so is the result */
  apply(query: string): string {
    const done = new Set<string>();
    const kept: string[] = [];
    for (const part of query === '' ? [] : query.slice(1).split('&')) {
      const name = nameOf(part);
      const written = this.#set.get(name);
      if (this.#remove.has(name) || done.has(name)) continue;
      if (written !== undefined) done.add(name);
      kept.push(written ?? part);
    }
    for (const [name, written] of this.#set) if (!done.has(name)) kept.push(written);
    return kept.length === 0 ? '' : `?${kept.join('&')}`;
  }
}

/** Name of `name=value`, decoded. */
export function nameOf(part: string): string {
  const equals = part.indexOf('=');
  return decodeQuery(equals < 0 ? part : part.slice(0, equals));
}

/** Value of `name=value`, decoded. */
export function valueOf(part: string): string {
  const equals = part.indexOf('=');
  return equals < 0 ? '' : decodeQuery(part.slice(equals + 1));
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
