/** Characters beyond this one are all alike. */
const OTHER = 0;

/**
 * Finds all places of many texts in one pass, whatever it is given: Aho and Corasick, "Efficient string matching" (1975), as a
 * table with one step for each character. Letters are compared without case.
 */
export class TokenScanner {
  /** Of the last hit: the number of the token, and the offset after it. */
  token = -1;
  at = 0;
  readonly #classOf = new Uint8Array(256);
  readonly #classes: number;
  readonly #next: Uint16Array;
  /** By state: the token that ends there plus one, or 0. */
  readonly #ends: Uint16Array;
  /** By state: the longest shorter state, of those that end a token; 0 for none. */
  readonly #shorter: Uint16Array;
  #text = '';
  #end = 0;
  #state = 0;
  /** A state whose tokens are still to be told. */
  #telling = 0;

  /** @param tokens lower case, characters of one byte, none of them empty or twice there */
  constructor(tokens: readonly string[]) {
    this.#classes = this.#numberClasses(tokens);
    const states = 1 + tokens.reduce((sum, token) => sum + token.length, 0);
    if (states > 0xffff) throw new RangeError('too many tokens for one scanner');
    this.#next = new Uint16Array(states * this.#classes);
    this.#ends = new Uint16Array(states);
    this.#shorter = new Uint16Array(states);
    this.#link(this.#spell(tokens));
  }

  /** Looks for tokens in `text[start..end)` from now on; what is before or behind is not seen. */
  begin(text: string, start: number, end: number): void {
    this.#text = text;
    this.at = start;
    this.#end = end;
    this.#state = 0;
    this.#telling = 0;
  }

  /** The next hit, in the order in which they end. @returns false if there is none */
  find(): boolean {
    if (this.#telling !== 0) {
      this.#telling = this.#shorter[this.#telling]!;
      if (this.#telling !== 0) return this.#tell();
    }
    const text = this.#text;
    const end = this.#end;
    const next = this.#next;
    const classes = this.#classes;
    let state = this.#state;
    for (let i = this.at; i < end; i++) {
      const code = text.charCodeAt(i);
      state = next[state * classes + (code < 256 ? this.#classOf[code]! : OTHER)]!;
      if (this.#ends[state] === 0 && this.#shorter[state] === 0) continue;
      this.#state = state;
      this.at = i + 1;
      this.#telling = this.#ends[state] === 0 ? this.#shorter[state]! : state;
      return this.#tell();
    }
    this.at = end;
    this.#state = state;
    this.#text = '';
    return false;
  }

  #tell(): true {
    this.token = this.#ends[this.#telling]! - 1;
    return true;
  }

  #numberClasses(tokens: readonly string[]): number {
    let classes = OTHER + 1;
    for (const token of tokens) {
      for (let i = 0; i < token.length; i++) {
        const code = token.charCodeAt(i);
        if (this.#classOf[code] === OTHER) this.#classOf[code] = classes++;
      }
    }
    for (let code = 0x41; code <= 0x5a; code++) this.#classOf[code] = this.#classOf[code | 0x20]!;
    return classes;
  }

  /** Makes the tree of all tokens. @returns how many states it has */
  #spell(tokens: readonly string[]): number {
    let states = 1;
    for (const [number, token] of tokens.entries()) {
      let state = 0;
      for (let i = 0; i < token.length; i++) {
        const step = state * this.#classes + this.#classOf[token.charCodeAt(i)]!;
        if (this.#next[step] === 0) this.#next[step] = states++;
        state = this.#next[step]!;
      }
      if (state === 0 || this.#ends[state] !== 0) throw new RangeError(`a token is empty or given twice: ${token}`);
      this.#ends[state] = number + 1;
    }
    return states;
  }

  /** Fills in where to go on when a token breaks off, level by level. */
  #link(states: number): void {
    const fallback = new Uint16Array(states);
    const order = [0];
    for (const state of order) {
      for (let symbol = 0; symbol < this.#classes; symbol++) {
        const step = state * this.#classes + symbol;
        const child = this.#next[step]!;
        const otherwise = state === 0 ? 0 : this.#next[fallback[state]! * this.#classes + symbol]!;
        if (child === 0) {
          this.#next[step] = otherwise;
          continue;
        }
        fallback[child] = otherwise;
        this.#shorter[child] = this.#ends[otherwise] !== 0 ? otherwise : this.#shorter[otherwise]!;
        order.push(child);
      }
    }
  }
}
