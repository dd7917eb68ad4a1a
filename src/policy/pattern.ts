import { RE2JS } from 're2js';

/** Longest pattern, in characters. */
export const MAX_PATTERN_LENGTH = 1024;
/** Largest compiled pattern, in instructions: time per character is in proportion to it. */
export const MAX_PATTERN_PROGRAM = 256;
/** Longest text that a pattern is tried on, in characters; a longer one does not match. */
export const MAX_PATTERN_INPUT = 4096;

/**
 * A regular expression of a policy. The dialect is RE2, as in Envoy and Istio: no back-references, no look-around, and
 * time linear in the text, so that no request can stall a worker. A pattern must match the whole text.
 */
export class Pattern {
  readonly #compiled: RE2JS;

  /** @throws RangeError with what is wrong with the pattern */
  constructor(source: string) {
    const problem = patternProblem(source);
    if (problem !== null) throw new RangeError(problem);
    this.#compiled = RE2JS.compile(source);
  }

  matches(text: string): boolean {
    return text.length <= MAX_PATTERN_INPUT && this.#compiled.testExact(text);
  }
}

/** @returns what is wrong with a pattern and what to do about it, or null */
export function patternProblem(source: string): string | null {
  if (source.length > MAX_PATTERN_LENGTH) return `give a pattern of at most ${MAX_PATTERN_LENGTH} characters`;
  // Texts are matched byte by byte as on the wire; a class with wider characters could not be.
  if (!/^[\x20-\x7e]*$/.test(source)) return 'give a pattern of printable ASCII characters';
  try {
    const program = RE2JS.compile(source).programSize();
    return program <= MAX_PATTERN_PROGRAM ? null : 'give a simpler pattern: with its repetitions written out it is too large';
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace('error parsing regexp: ', '') : String(thrown);
    return `give a pattern in RE2 syntax (no look-around, no back-references): ${reason}`;
  }
}
