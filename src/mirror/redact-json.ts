const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Larger documents are refused: parsing one must not hold up a worker. */
export const MAX_JSON_BYTES = 1 << 20;
/** Documents with more secret fields are refused. */
export const MAX_JSON_FIELDS = 1000;

/** What pointers say of a place in a document. */
interface Place {
  readonly children: Map<string, Place>;
  /** The element `*`. */
  every: Place | null;
  secret: boolean;
}

/**
 * Takes secret fields out of JSON documents. Everything else stays byte for byte: numbers keep their digits, names their
 * order, spaces their places. Of a name that is there several times, every one is taken out.
 */
export class JsonRedactor {
  readonly #root: Place = newPlace();
  readonly #replace: ((value: Buffer) => string) | null;

  /**
   * @param pointers RFC 6901; the element `*` stands for every name or position
   * @param replace the text that stands in place of a value, which is given as the bytes of a string or as JSON; null
   * takes fields away, and puts null in place of elements of lists
   */
  constructor(pointers: readonly string[], replace: ((value: Buffer) => string) | null) {
    this.#replace = replace;
    for (const pointer of pointers) this.#add(pointer.split('/').slice(1));
  }

  /** @returns a new document, or null where this one cannot be read for certain */
  redact(body: Buffer): Buffer | null {
    if (body.length > MAX_JSON_BYTES || !isJson(body)) return null;
    const edit = new JsonEdit(body, this.#replace);
    edit.value([this.#root]);
    return edit.fields > MAX_JSON_FIELDS ? null : edit.result();
  }

  #add(elements: readonly string[]): void {
    let place = this.#root;
    for (const element of elements) {
      if (element === '*') {
        place = place.every ??= newPlace();
        continue;
      }
      const name = element.replaceAll('~1', '/').replaceAll('~0', '~');
      let child = place.children.get(name);
      if (child === undefined) place.children.set(name, (child = newPlace()));
      place = child;
    }
    place.secret = true;
  }
}

function newPlace(): Place {
  return { children: new Map(), every: null, secret: false };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Exactly as RFC 8259 says: what a lenient server would read in another way is none. */
function isJson(body: Buffer): boolean {
  try {
    JSON.parse(utf8.decode(body));
    return true;
  } catch {
    // Not JSON, or not UTF-8.
    return false;
  }
}

/** One pass over a document that is known to be JSON. Recursion is as deep as pointers are long, whatever the document. */
class JsonEdit {
  fields = 0;
  readonly #input: Buffer;
  readonly #replace: ((value: Buffer) => string) | null;
  readonly #output: Buffer[] = [];
  #at = 0;
  /** What is before this is in the output or left out. */
  #written = 0;

  constructor(input: Buffer, replace: ((value: Buffer) => string) | null) {
    this.#input = input;
    this.#replace = replace;
  }

  result(): Buffer {
    this.#copyUpTo(this.#input.length);
    return Buffer.concat(this.#output);
  }

  /** The value that begins here; afterwards we are behind it. */
  value(places: readonly Place[]): void {
    this.#skipSpace();
    const first = this.#input[this.#at];
    if (places.length === 0 || (first !== OPEN_OBJECT && first !== OPEN_ARRAY)) this.#skipValue();
    else if (first === OPEN_OBJECT) this.#members(places);
    else this.#elements(places);
  }

  #members(places: readonly Place[]): void {
    this.#at += 1;
    let kept = 0;
    for (let before = this.#at; this.#skipSpace() !== CLOSE_OBJECT; ) {
      const name = this.#name();
      const below = namedIn(places, name);
      if (isSecret(below) && this.#replace === null) {
        this.#skipValue();
        this.#leaveOut(before, this.#at);
      } else {
        // The first that stays has no comma before it, whatever was left out there.
        if (kept === 0 && this.#input[before] === COMMA) this.#leaveOut(before, before + 1, false);
        kept += 1;
        this.#field(below);
      }
      if (this.#skipSpace() === CLOSE_OBJECT) break;
      before = this.#at;
      this.#at += 1;
    }
    this.#at += 1;
  }

  #elements(places: readonly Place[]): void {
    this.#at += 1;
    for (let index = 0; this.#skipSpace() !== CLOSE_ARRAY; index++) {
      this.#field(namedIn(places, String(index)));
      if (this.#skipSpace() === COMMA) this.#at += 1;
    }
    this.#at += 1;
  }

  #field(places: readonly Place[]): void {
    if (!isSecret(places)) return this.value(places);
    this.#skipSpace();
    const start = this.#at;
    this.#skipValue();
    this.#leaveOut(start, this.#at);
    this.#output.push(Buffer.from(this.#inPlaceOf(this.#input.subarray(start, this.#at))));
  }

  #inPlaceOf(value: Buffer): string {
    // A document with too many is refused: no more work for it.
    if (this.#replace === null || this.fields > MAX_JSON_FIELDS) return 'null';
    const text = value[0] === QUOTE ? Buffer.from(JSON.parse(value.toString()) as string) : value;
    return JSON.stringify(this.#replace(text));
  }

  /** The name of a member; afterwards we are behind its colon. */
  #name(): string {
    const start = this.#at;
    this.#skipString();
    const name = JSON.parse(this.#input.toString('utf8', start, this.#at)) as string;
    this.#skipSpace();
    this.#at += 1;
    return name;
  }

  #leaveOut(start: number, end: number, counts = true): void {
    this.#copyUpTo(start);
    this.#written = end;
    if (counts) this.fields += 1;
  }

  #copyUpTo(end: number): void {
    if (end > this.#written) this.#output.push(this.#input.subarray(this.#written, end));
  }

  /** @returns the byte that follows */
  #skipSpace(): number | undefined {
    const input = this.#input;
    while (this.#at < input.length && input[this.#at]! <= 0x20) this.#at += 1;
    return input[this.#at];
  }

  #skipString(): void {
    const input = this.#input;
    this.#at += 1;
    while (this.#at < input.length && input[this.#at] !== QUOTE) this.#at += input[this.#at] === BACKSLASH ? 2 : 1;
    this.#at += 1;
  }

  #skipValue(): void {
    const input = this.#input;
    this.#skipSpace();
    let depth = 0;
    while (this.#at < input.length) {
      const byte = input[this.#at]!;
      if (byte === QUOTE) {
        this.#skipString();
        if (depth === 0) return;
        continue;
      }
      const ends = byte === CLOSE_OBJECT || byte === CLOSE_ARRAY;
      if (depth === 0 && (ends || byte === COMMA || byte <= 0x20)) return;
      this.#at += 1;
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
      else if (ends && --depth === 0) return;
    }
  }
}

const NOWHERE: readonly Place[] = [];

function namedIn(places: readonly Place[], name: string): readonly Place[] {
  let found: Place[] | null = null;
  for (const place of places) {
    const child = place.children.get(name);
    if (child !== undefined) (found ??= []).push(child);
    if (place.every !== null) (found ??= []).push(place.every);
  }
  return found ?? NOWHERE;
}

function isSecret(places: readonly Place[]): boolean {
  return places.some(({ secret }) => secret);
}
