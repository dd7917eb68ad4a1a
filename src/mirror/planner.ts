import type { HttpRequest } from '../http/exchange.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { CopyListener } from './copy.ts';
import type { CopySink, EmitterTarget } from './emitter.ts';
import { flatCopy } from './flat-copy.ts';
import { endCopy, headBytes, prepareCopy } from './prepare-copy.ts';

const PLANNED = outcomeSlot('planned', '');
/** Methods and paths are the clients' to choose: past so many, the rest is counted together. */
const MAX_NAMES = 512;
const OTHERS = '(others)';
/** Longer ones are counted by their beginning. */
const MAX_NAME_LENGTH = 256;
/** Targets that are gone from the snapshot and still reported: past so many, the oldest is forgotten. */
const MAX_GONE = 256;

/** What one target would have been sent so far. */
export interface PlannedTarget {
  /** `namespace/name` */
  readonly policy: string;
  readonly origin: string;
  readonly requests: number;
  readonly bytes: number;
  readonly byMethod: Readonly<Record<string, number>>;
  /** Without the query, which may hold secrets. */
  readonly byPath: Readonly<Record<string, number>>;
}

class Tally {
  requests = 0;
  bytes = 0;
  readonly byMethod = new Map<string, number>();
  readonly byPath = new Map<string, number>();

  add(request: HttpRequest, bytes: number): void {
    this.requests += 1;
    this.bytes += bytes;
    bump(this.byMethod, request.method);
    const query = request.target.indexOf('?');
    bump(this.byPath, query < 0 ? request.target : request.target.slice(0, query));
  }
}

/** Takes the emitter's place in a dry run: counts what would be sent, and sends nothing. */
export class Planner implements CopySink {
  #targets: readonly EmitterTarget[] = [];
  readonly #tallies = new Map<string, { readonly target: EmitterTarget; readonly tally: Tally }>();

  configure(targets: readonly EmitterTarget[]): void {
    this.#targets = targets;
    for (const target of targets) {
      if (!this.#tallies.has(target.key)) this.#tallies.set(target.key, { target, tally: new Tally() });
    }
    const present = new Set(targets.map(({ key }) => key));
    const gone = [...this.#tallies.keys()].filter((key) => !present.has(key));
    for (const key of gone.slice(0, -MAX_GONE)) this.#tallies.delete(key);
  }

  offer(number: number, request: HttpRequest, body: Buffer | null, _nowMs: number, listener: CopyListener): void {
    const target = this.#targets[number]!;
    const copy = prepareCopy(target, request, body);
    if (typeof copy === 'number') return endCopy(target, copy, listener);
    const { method, path, headers, body: content } = copy.request;
    this.#tallies.get(target.key)!.tally.add(request, headBytes(method, path, headers) + (content?.length ?? 0));
    endCopy(target, PLANNED, listener);
  }

  /** By target, in the order in which they were first configured. */
  report(): PlannedTarget[] {
    return Array.from(this.#tallies.values(), ({ target, tally }) => ({
      policy: target.rules.marker.value,
      origin: target.origin,
      requests: tally.requests,
      bytes: tally.bytes,
      byMethod: Object.fromEntries(tally.byMethod),
      byPath: Object.fromEntries(tally.byPath),
    }));
  }
}

function bump(counts: Map<string, number>, name: string): void {
  const short = name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH)}...`;
  const count = counts.get(short);
  if (count !== undefined) counts.set(short, count + 1);
  else if (counts.size < MAX_NAMES) counts.set(flatCopy(short), 1);
  else counts.set(OTHERS, (counts.get(OTHERS) ?? 0) + 1);
}
