import { createHash } from 'node:crypto';
import type { HttpRequest } from '../http/exchange.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { CopySink, EmitterTarget } from '../mirror/emitter.ts';
import { buildCopy } from '../mirror/rewrite.ts';
import type { CopyListener } from '../mirror/target-queue.ts';

const PLANNED = outcomeSlot('planned', '');
const TOO_LARGE = outcomeSlot('too-large', '');
const REDACTION = outcomeSlot('failed', 'redaction');

/** One line of `replay --dry-run --policy`: a copy as its target would get it. */
export interface CopyLine {
  /** `namespace/name` */
  readonly policy: string;
  readonly target: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly bodyLength: number;
  readonly bodySha256: string;
}

/** Takes the emitter's place in a dry run: turns copies into lines of JSON, redacted and rewritten, and sends nothing. */
export class CopyPrinter implements CopySink {
  readonly #write: (line: string) => void;
  #targets: readonly EmitterTarget[] = [];

  /** @param write gets one line, without its line end */
  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  configure(targets: readonly EmitterTarget[]): void {
    this.#targets = targets;
  }

  offer(number: number, request: HttpRequest, body: Buffer | null, _nowMs: number, listener: CopyListener): void {
    const target = this.#targets[number]!;
    const slot = this.#print(target, request, body);
    target.account.copies[target.index]![slot]! += 1;
    listener.onCopyEnd(slot);
  }

  #print({ rules, origin, limits }: EmitterTarget, request: HttpRequest, body: Buffer | null): number {
    const copy = buildCopy(request, body, rules);
    if (copy === null) return REDACTION;
    const content = copy.body ?? Buffer.alloc(0);
    if (content.length > limits.maxBodyBytes) return TOO_LARGE;
    const line: CopyLine = {
      policy: rules.marker.value,
      target: origin,
      method: copy.method,
      path: copy.path,
      headers: pairs(copy.headers),
      bodyLength: content.length,
      bodySha256: createHash('sha256').update(content).digest('hex'),
    };
    this.#write(JSON.stringify(line));
    return PLANNED;
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!]);
  return list;
}
