import type { RuleId } from '../rules.ts';

/** Where a probe is looked for; each is a bit. */
export const PATH = 1;
export const QUERY = 2;
/** Values of headers that are often logged, evaluated or forged. */
export const HEADER = 4;
/** The value of User-Agent alone. */
export const AGENT = 8;

/** A decoded text with a token in it, in which a probe is confirmed. */
export interface Sample {
  readonly text: string;
  /** As it was sent. */
  readonly raw: string;
  /** Where the token lies. */
  readonly start: number;
  readonly end: number;
  readonly place: number;
}

/** A text that gives something away, and what has to be around it. The token alone is found in time linear in what is looked at. */
export interface Probe {
  readonly rule: RuleId;
  /** Lower case; white space is one space. */
  readonly token: string;
  readonly places: number;
  /** What the finding says was seen; the token where not given. */
  readonly name?: string;
  /** Looks at a bounded number of characters around the token. */
  readonly confirm?: (sample: Sample) => boolean;
}

/** Many probes that differ in their token. */
export function probes(rule: RuleId, places: number, tokens: readonly string[], more: Pick<Probe, 'name' | 'confirm'> = {}): Probe[] {
  return tokens.map((token) => ({ rule, token, places, ...more }));
}
