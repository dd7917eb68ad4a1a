/** What a source of automata must tell: its states are opaque, equal ones are the same object. */
export interface StateSource<State extends object> {
  /** Characters of one class lead every state to the same next state. By character code, 0 to 255. */
  readonly classOf: ArrayLike<number>;
  readonly classes: number;
  readonly start: State;
  /** @param code a character of the class */
  step(state: State, charClass: number, code: number): State;
  /** Whether a text may end in this state. */
  accepts(state: State): boolean;
  /** No text that leads through this state is accepted. */
  isDead(state: State): boolean;
  /** What finding one next state costs, in any unit. */
  cost(state: State): number;
}

const DEAD = 0;
const START = 1;

/**
 * A deterministic finite automaton over bytes, written out as a table: a text costs one look-up a character, whatever the
 * pattern and whatever the text, and nothing is allocated.
 */
export class Automaton {
  readonly #classOf: Uint8Array;
  readonly #classes: number;
  /** Next state, by state × classes + class. */
  readonly #next: Uint16Array;
  readonly #accepts: Uint8Array;

  private constructor(classOf: Uint8Array, classes: number, next: Uint16Array, accepts: Uint8Array) {
    this.#classOf = classOf;
    this.#classes = classes;
    this.#next = next;
    this.#accepts = accepts;
  }

  /**
   * Follows every way through the states.
   * @param budget of costs, as the source counts them; at most 2^16
   * @returns null where the budget does not suffice
   */
  static build<State extends object>(source: StateSource<State>, budget: number): Automaton | null {
    const { classes } = source;
    const examples = exampleOfEach(source);
    const numbers = new Map<State, number>([[source.start, START]]);
    const states: State[] = [source.start];
    const rows: number[] = new Array<number>(classes).fill(DEAD);
    let left = budget;
    for (let at = 0; at < states.length; at++) {
      const state = states[at]!;
      for (let charClass = 0; charClass < classes; charClass++) {
        const code = examples[charClass]!;
        left -= code < 0 ? 0 : source.cost(state);
        if (left < 0) return null;
        rows.push(code < 0 ? DEAD : numberOf(source.step(state, charClass, code)));
      }
    }
    const accepts = Uint8Array.from([0, ...states.map((state) => (source.accepts(state) ? 1 : 0))]);
    return new Automaton(Uint8Array.from(source.classOf), classes, Uint16Array.from(rows), accepts);

    function numberOf(state: State): number {
      if (source.isDead(state)) return DEAD;
      let number = numbers.get(state);
      if (number === undefined) {
        number = states.push(state);
        numbers.set(state, number);
      }
      return number;
    }
  }

  /** Whether it accepts the whole text: one character for each byte, as requests are held. */
  accepts(text: string): boolean {
    let state = START;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 255) return false;
      state = this.#next[state * this.#classes + this.#classOf[code]!]!;
      if (state === DEAD) return false;
    }
    return this.#accepts[state] === 1;
  }
}

/** A character of each class; -1 where it has none among the bytes. */
function exampleOfEach({ classOf, classes }: StateSource<object>): number[] {
  const examples = new Array<number>(classes).fill(-1);
  for (let code = 255; code >= 0; code--) examples[classOf[code]!] = code;
  return examples;
}
