import { RE2JS } from 're2js';
import { Automaton, type StateSource } from './automaton.ts';

/** Longest pattern, in characters. */
export const MAX_PATTERN_LENGTH = 1024;
/** Largest compiled pattern, in instructions of RE2's machine. */
const MAX_PROGRAM = 256;
/** What writing out an automaton may cost, in instructions looked at: a few milliseconds, once for each snapshot. */
const MAX_WORK = 65_536;

/**
 * A regular expression of a policy. The dialect is RE2, as in Envoy and Istio: no back-references, no look-around. It
 * must match the whole text. Every pattern is written out as an automaton when it is compiled, and one for which that
 * would be large is refused: then no request can stall a worker, whatever it sends.
 */
export class Pattern {
  readonly #automaton: Automaton;

  private constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /**
   * Patterns are kept by their source: a new snapshot costs only for those that are new in it.
   * @throws RangeError with what is wrong with the pattern
   */
  static of(source: string): Pattern {
    const known = bySource.get(source);
    if (known !== undefined) return known;
    const { automaton, problem } = compile(source);
    if (automaton === null) throw new RangeError(problem);
    const pattern = new Pattern(automaton);
    if (bySource.size >= MAX_KEPT) bySource.clear();
    bySource.set(source, pattern);
    return pattern;
  }

  /** @param text one character for each byte on the wire */
  matches(text: string): boolean {
    return this.#automaton.accepts(text);
  }
}

const bySource = new Map<string, Pattern>();
/** More are compiled again when they are asked for again. */
const MAX_KEPT = 4096;

/** @returns what is wrong with a pattern and what to do about it, or null */
export function patternProblem(source: string): string | null {
  const { automaton, problem } = compile(source);
  return automaton === null ? problem : null;
}

interface Compiled {
  readonly automaton: Automaton | null;
  readonly problem: string;
}

const SIMPLER = 'give a simpler pattern: with its repetitions written out it is too large';

function compile(source: string): Compiled {
  if (source.length > MAX_PATTERN_LENGTH) return refused(`give a pattern of at most ${MAX_PATTERN_LENGTH} characters`);
  // Texts are matched byte by byte as on the wire; a class with wider characters could not be.
  if (!/^[\x20-\x7e]*$/.test(source)) return refused('give a pattern of printable ASCII characters');
  try {
    const pattern = RE2JS.compile(source);
    if (pattern.programSize() > MAX_PROGRAM) return refused(SIMPLER);
    const automaton = Automaton.build(statesOf(pattern), MAX_WORK);
    return automaton === null ? refused(SIMPLER) : { automaton, problem: '' };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace('error parsing regexp: ', '') : String(thrown);
    return refused(`give a pattern in RE2 syntax (no look-around, no back-references): ${reason}`);
  }
}

function refused(problem: string): Compiled {
  return { automaton: null, problem };
}

/** A state of the library's own automaton, which it writes out lazily, text by text. */
interface LazyState {
  readonly nfaStates: readonly number[];
  readonly isMatch: boolean;
}

/** The part of that automaton that is used here; the version of the library is pinned, and tests hold its meaning. */
interface LazyAutomaton {
  readonly numClasses: number;
  readonly latin1Class: ArrayLike<number>;
  start(input: { context(position: number): number }, position: number): LazyState | null;
  step(state: LazyState, charClass: number, code: number, anchor: number): LazyState | null;
}

/** The library's constants: the beginning of the text, its end, and a match of all of it. */
const EMPTY_BEGIN_TEXT = 4;
const END_TEXT = -1;
const ANCHOR_BOTH = 2;

function statesOf(pattern: RE2JS): StateSource<LazyState> {
  const lazy = pattern.re2().dfa as unknown as LazyAutomaton;
  const start = known(lazy.start({ context: () => EMPTY_BEGIN_TEXT }, 0));
  return {
    start,
    // Classes are numbered in the order of their characters, so those beyond the bytes come last.
    classes: lazy.latin1Class[255]! + 1,
    classOf: lazy.latin1Class,
    step: (state, charClass, code) => known(lazy.step(state, charClass, code, ANCHOR_BOTH)),
    accepts: (state) => known(lazy.step(state, lazy.numClasses, END_TEXT, ANCHOR_BOTH)).isMatch,
    isDead: (state) => state.nfaStates.length === 0,
    cost: (state) => state.nfaStates.length,
  };
}

function known(state: LazyState | null): LazyState {
  if (state === null) throw new Error('it needs too much memory');
  return state;
}
