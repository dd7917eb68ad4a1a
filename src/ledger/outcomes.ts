/**
 * Every captured request ends in exactly one of these outcomes, with one of its reasons. This table is the only place
 * that lists them: counters, metrics and documentation are made from it.
 */
export const OUTCOMES = {
  /** At least one copy reached its target, which answered; the reason is the class of the (first) answer's status. */
  mirrored: ['1xx', '2xx', '3xx', '4xx', '5xx'],
  /** It was written to a file, and no target answered. */
  recorded: [''],
  /** No policy of the endpoint matches it, or the endpoint has none. */
  unmatched: [''],
  /** A policy's `excludes` matches it. */
  excluded: [''],
  /** A policy matches it but does not mirror this method; `streaming`: nor a gRPC call whose client sends several messages. */
  method: ['', 'streaming'],
  /** A policy matches it but its sample, or each target's, left it out. */
  'sampled-out': [''],
  /** Mirroring is switched off. */
  off: ['kill-switch'],
  /** A dry run: it would have been sent. */
  planned: [''],
  /** It bears the marker of a mirrored copy: mirroring it again would loop. */
  loop: [''],
  /** It asks to leave HTTP (Upgrade answered with 101, or CONNECT). */
  upgrade: ['connect', 'websocket', 'h2c', 'other'],
  /** Its content is larger than the policy's `maxBodyBytes`. */
  'too-large': [''],
  /** It was not captured whole. `crash`: it was in the hands of a worker that ended unexpectedly. */
  incomplete: ['gap', 'reset', 'closed', 'timeout', 'evicted', 'resync', 'shutdown', 'crash'],
  /** Two servers could read its framing differently (request smuggling). */
  ambiguous: ['content-length', 'transfer-encoding', 'length-and-chunked', 'line-ending', 'whitespace'],
  /** It is not valid HTTP. `chunk`: or ends amid a message of gRPC; `frame`: its HTTP/2 connection broke the rules. */
  malformed: ['request-line', 'header', 'head-too-large', 'chunk', 'frame'],
  /** A stream of an HTTP/2 connection that was joined in its middle: what its head refers to had been said before. */
  'h2-midstream': [''],
  /** We gave way: production goes first. */
  shed: ['queue', 'bytes', 'rate', 'breaker', 'memory', 'pressure'],
  /**
   * No copy got an answer. `rejected`: the copy cannot be expressed for this target; `redaction`: it could not be read
   * for what must not leave, so it was not sent; `write`: its file cannot be written.
   */
  failed: ['connect', 'timeout', 'reset', 'protocol', 'rejected', 'redaction', 'write'],
} as const;

export type Outcome = keyof typeof OUTCOMES;
export type ReasonOf<O extends Outcome> = (typeof OUTCOMES)[O][number];

/** All (outcome, reason) pairs in one order; a slot number is an index into it. */
export const OUTCOME_SLOTS: readonly { readonly outcome: Outcome; readonly reason: string }[] = (
  Object.keys(OUTCOMES) as Outcome[]
).flatMap((outcome) => OUTCOMES[outcome].map((reason) => ({ outcome, reason })));

const SLOT_BY_NAME = new Map(OUTCOME_SLOTS.map(({ outcome, reason }, slot) => [`${outcome}:${reason}`, slot]));

/** The slot of a pair; meant for start-up or cold paths: hot ones keep the number. */
export function outcomeSlot<O extends Outcome>(outcome: O, reason: ReasonOf<O>): number {
  const slot = SLOT_BY_NAME.get(`${outcome}:${reason}`);
  if (slot === undefined) throw new RangeError(`no such outcome: ${outcome} ${reason}`);
  return slot;
}
