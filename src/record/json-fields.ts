/** A recorded message that cannot be used; the message says why, without content. */
export class Faulty extends Error {}

/** @throws Faulty where the text is not a JSON object */
export function fieldsOf(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's message quotes what it read: somebody's traffic.
    throw new Faulty('not JSON');
  }
  return Fields.of(value, 'the record');
}

/** Reads an object of unknown making, field by field. Every method throws Faulty where a value has another type. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;

  private constructor(object: Readonly<Record<string, unknown>>) {
    this.#object = object;
  }

  static of(value: unknown, name: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Faulty(`${name} is not an object`);
    return new Fields(value as Readonly<Record<string, unknown>>);
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.#get(name) !== null;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === null) throw new Faulty(`${name} is missing`);
    return value;
  }

  optionalText(name: string): string | null {
    const value = this.#get(name);
    if (value !== null && typeof value !== 'string') throw new Faulty(`${name} is not a text`);
    return value;
  }

  number(name: string): number {
    const value = this.optionalNumber(name);
    if (value === null) throw new Faulty(`${name} is missing`);
    return value;
  }

  optionalNumber(name: string): number | null {
    const value = this.#get(name);
    if (value !== null && typeof value !== 'number') throw new Faulty(`${name} is not a number`);
    return value;
  }

  object(name: string): Fields {
    return Fields.of(this.#get(name), name);
  }

  optionalObject(name: string): Fields | null {
    return this.has(name) ? this.object(name) : null;
  }

  list(name: string): readonly unknown[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw new Faulty(`${name} is not a list`);
    return value as unknown[];
  }

  texts(name: string): string[] {
    const list = this.list(name);
    if (!list.every((item) => typeof item === 'string')) throw new Faulty(`${name} has an entry that is not a text`);
    return list as string[];
  }

  /** A list of pairs of texts, as one flat list. */
  flatPairs(name: string): string[] {
    return this.list(name).flatMap((pair) => {
      if (Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string')) return pair as string[];
      throw new Faulty(`${name} has an entry that is not a pair of texts`);
    });
  }

  base64(name: string): Buffer {
    const text = this.text(name);
    const bytes = Buffer.from(text, 'base64');
    // Buffer leaves out what is not base64, so that the length tells.
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) throw new Faulty(`${name} is not base64`);
    return bytes;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#object, name) ? (this.#object[name] ?? null) : null;
  }
}
