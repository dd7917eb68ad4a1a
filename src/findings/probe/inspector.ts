import type { RuleId } from '../rules.ts';
import { SCANNER_AGENTS } from './agents.ts';
import { decodeTwice, squeeze } from './decode.ts';
import { SENSITIVE_FILES } from './files.ts';
import { INJECTIONS } from './injections.ts';
import { AGENT, HEADER, PATH, QUERY, type Probe } from './probe.ts';
import { SECRETS } from './secrets.ts';
import { TokenScanner } from './token-scanner.ts';

/** What was seen, in our own words. */
export interface Hit {
  readonly rule: RuleId;
  readonly evidence: string;
}

/** Of one text so much is looked at. A head that has more in one place is reported as oversized. */
const MAX_TEXT = 4096;
/** So many tokens of one text are looked at closely; so the cost of a text has a bound, whatever it says. */
const MAX_TOKENS = 32;

/** Looks for probes in texts of requests. */
export class Inspector {
  readonly #probes: readonly (readonly Probe[])[];
  readonly #scanner: TokenScanner;
  /** Of each token: where its probes are looked for. */
  readonly #places: Uint8Array;

  constructor(probes: readonly Probe[] = [...INJECTIONS, ...SENSITIVE_FILES, ...SCANNER_AGENTS, ...SECRETS]) {
    const byToken = new Map<string, Probe[]>();
    for (const probe of probes) byToken.set(probe.token, [...(byToken.get(probe.token) ?? []), probe]);
    this.#probes = [...byToken.values()];
    this.#scanner = new TokenScanner([...byToken.keys()]);
    this.#places = Uint8Array.from(this.#probes, (list) => list.reduce((places, probe) => places | probe.places, 0));
  }

  /**
   * @param place PATH, QUERY (without its question mark), HEADER or AGENT; a user agent is a header, too
   * @param name of the header, from a list of ours
   * @returns at most one hit of each rule; null for none, which is the usual case
   */
  inspect(raw: string, place: number, name = ''): Hit[] | null {
    const cut = raw.length > MAX_TEXT ? raw.slice(0, MAX_TEXT) : raw;
    const isPlain = !NOT_PLAIN.test(cut);
    const { text: decoded, rounds } = isPlain ? { text: cut, rounds: 0 } : decodeTwice(cut, place === QUERY);
    const text = isPlain ? decoded : squeeze(decoded);
    const places = place === AGENT ? AGENT | HEADER : place;
    const scanner = this.#scanner;
    let hits: Hit[] | null = null;
    let seen = 0;
    scanner.begin(text, 0, text.length);
    while (scanner.find()) {
      if ((this.#places[scanner.token]! & places) === 0) continue;
      if (++seen > MAX_TOKENS) break;
      for (const probe of this.#probes[scanner.token]!) {
        if ((probe.places & places) === 0 || has(hits, probe.rule)) continue;
        const start = scanner.at - probe.token.length;
        if (probe.confirm !== undefined && !probe.confirm({ text, raw: cut, start, end: scanner.at, place })) continue;
        const evidence = `${probe.name ?? probe.token.trim()} ${placeName(place, name)}${ENCODED[rounds]}`;
        hits = [...(hits ?? []), { rule: probe.rule, evidence }];
      }
    }
    return hits;
  }
}

function has(hits: readonly Hit[] | null, rule: RuleId): boolean {
  return hits !== null && hits.some((hit) => hit.rule === rule);
}

/** Percent-encoding, a plus that may be a space, white space to squeeze, comments of SQL. */
const NOT_PLAIN = /[%+\t\n\v\f\r]|  |\/\*/;

const ENCODED: readonly string[] = ['', ', percent-encoded', ', percent-encoded twice'];

function placeName(place: number, name: string): string {
  switch (place) {
    case PATH:
      return 'in the path';
    case QUERY:
      return 'in the query';
    default:
      return `in ${name}`;
  }
}
