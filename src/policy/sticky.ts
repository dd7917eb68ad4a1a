import { hash } from 'node:crypto';
import { asOnWire, type RequestView } from './request-view.ts';
import type { Draw } from './sampler.ts';
import type { MirrorPolicy, PolicySpec } from './schema.ts';
import { policyName } from './policy-name.ts';

type StickyBy = NonNullable<PolicySpec['stickyBy']>;

/** Finds the key of a request; null or empty where it has none. */
type KeyOf = (request: RequestView) => string | null;

/**
 * Draws the same number for the same key, on every node and after a restart: the first bits of a keyed hash. A number
 * below a share stays below every larger share, so that raising a percentage keeps those who are in.
 */
export class StickyDraw implements Draw {
  readonly #keyOf: KeyOf;
  readonly #salt: string;
  #key = '';

  constructor(stickyBy: StickyBy, salt: string) {
    this.#keyOf = keyFinder(stickyBy);
    this.#salt = salt;
  }

  /** @returns null where the policy draws afresh for each request */
  static of(policy: MirrorPolicy, stableKey: string): StickyDraw | null {
    const { stickyBy } = policy.spec;
    if (stickyBy === undefined) return null;
    const seed = stickyBy.seed === undefined ? ['policy', policyName(policy)] : ['seed', stickyBy.seed];
    return new StickyDraw(stickyBy, JSON.stringify([stableKey, ...seed]));
  }

  /** Draws for this request from now on. @returns false where it has no key */
  choose(request: RequestView): boolean {
    this.#key = this.#keyOf(request) ?? '';
    return this.#key !== '';
  }

  uniform(label: string): number {
    const digest = hash('sha256', `${this.#salt}${label}\n${this.#key}`, 'buffer');
    return digest.readUIntBE(0, 6) / 2 ** 48;
  }
}

function keyFinder({ header, cookie, queryParam, sourceIP }: StickyBy): KeyOf {
  if (header !== undefined) {
    const name = header.toLowerCase();
    return (request) => request.header(name);
  }
  if (cookie !== undefined) return (request) => cookieOf(request.header('cookie'), cookie);
  if (queryParam !== undefined) {
    const name = asOnWire(queryParam);
    return (request) => request.queryParam(name);
  }
  if (sourceIP === true) return (request) => request.source;
  return traceIdOf;
}

/** The first cookie of this name (RFC 6265 section 5.4: pairs joined by `; `). */
function cookieOf(header: string | null, name: string): string | null {
  if (header === null) return null;
  // Several Cookie fields have been joined by a comma, as headers are.
  for (const pair of header.split(/[;,]/)) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return null;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-/;
const B3 = /^([0-9a-f]{16}|[0-9a-f]{32})(?:-|$)/i;

function traceIdOf(request: RequestView): string | null {
  const traceparent = TRACEPARENT.exec(request.header('traceparent') ?? '');
  if (traceparent !== null) return traceparent[1]!;
  const b3 = B3.exec(request.header('b3') ?? request.header('x-b3-traceid') ?? '');
  return b3 === null ? null : b3[1]!.toLowerCase();
}
