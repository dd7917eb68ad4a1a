import type { Problem } from './imported-policy.ts';

type Json = Readonly<Record<string, unknown>>;

function jsonObject(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

/**
 * Reads an object that others wrote, field by field, and never throws. What has another type than it should, and what
 * nobody asked for, becomes a problem: a field that is not understood may change the meaning of the others.
 */
export class Fields {
  readonly #values = new Map<string, unknown>();
  readonly #unread: Set<string>;
  readonly #problems: Problem[];
  /** Where the object is, for messages. */
  readonly where: string;
  readonly #snakeCase: boolean;

  /**
   * @param problems gets what is wrong
   * @param snakeCase fields may also be spelled like_this, as in the JSON form of protocol buffers
   */
  constructor(value: unknown, where: string, problems: Problem[], snakeCase = false) {
    this.where = where;
    this.#problems = problems;
    this.#snakeCase = snakeCase;
    const object = jsonObject(value);
    if (object === null && value !== undefined && value !== null) this.#malformed('', 'an object');
    for (const [name, content] of Object.entries(object ?? {})) {
      // As in Kubernetes, null is the same as nothing.
      if (content !== null && content !== undefined) this.#values.set(snakeCase ? camelCase(name) : name, content);
    }
    this.#unread = new Set(this.#values.keys());
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** What is there, of whatever kind. */
  value(name: string): unknown {
    return this.#take(name);
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === 'string') return value;
    this.#malformed(name, 'a text');
    return undefined;
  }

  number(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
    this.#malformed(name, 'a number');
    return undefined;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (value !== undefined && typeof value !== 'boolean') this.#malformed(name, 'true or false');
    return value === true;
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (Array.isArray(value)) return value;
    if (value !== undefined) this.#malformed(name, 'a list');
    return [];
  }

  texts(name: string): string[] {
    const list = this.list(name);
    const texts = list.filter((item) => typeof item === 'string');
    if (texts.length < list.length) this.#malformed(name, 'a list of texts');
    return texts;
  }

  /** @param problems gets what is wrong inside; not given: as for this object */
  object(name: string, problems: Problem[] = this.#problems): Fields {
    return new Fields(this.#take(name), `${this.where}.${name}`, problems, this.#snakeCase);
  }

  objects(name: string): Fields[] {
    return this.list(name).map((item, i) => new Fields(item, `${this.where}.${name}[${i}]`, this.#problems, this.#snakeCase));
  }

  /** A map with names of the user's own. */
  map(name: string): [string, unknown][] {
    const value = this.#take(name);
    const object = jsonObject(value);
    if (object === null && value !== undefined) this.#malformed(name, 'an object');
    return Object.entries(object ?? {});
  }

  textMap(name: string): [string, string][] {
    const entries = this.map(name);
    const texts = entries.flatMap(([key, value]): [string, string][] => (typeof value === 'string' ? [[key, value]] : []));
    if (texts.length < entries.length) this.#malformed(name, 'an object with texts');
    return texts;
  }

  /** Fields that change nothing of what is imported. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#unread.delete(name);
  }

  /** Call last: what has not been read is a problem. */
  end(): void {
    for (const name of this.#unread) {
      this.#problems.push({
        reason: 'UnknownField',
        message: `${this.where}.${name.slice(0, 64)} is not understood, and may change what is meant`,
      });
    }
  }

  #take(name: string): unknown {
    this.#unread.delete(name);
    return this.#values.get(name);
  }

  #malformed(name: string, expected: string): void {
    this.#problems.push({ reason: 'Malformed', message: `${this.where}${name === '' ? '' : `.${name}`} is not ${expected}` });
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
