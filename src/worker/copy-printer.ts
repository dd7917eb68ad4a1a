import { createHash } from 'node:crypto';
import type { HttpRequest } from '../http/exchange.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { CopyListener } from '../mirror/copy.ts';
import type { CopySink, EmitterTarget } from '../mirror/emitter.ts';
import type { OutgoingRequest } from '../mirror/http-client.ts';
import { endCopy, prepareCopy } from '../mirror/prepare-copy.ts';
import { pairs } from './pairs.ts';

const PLANNED = outcomeSlot('planned', '');

/** One line of `replay --dry-run --policy`: a copy as its target would get it. */
export interface CopyLine {
  /** `namespace/name` */
  readonly policy: string;
  readonly target: string;
  readonly method: string;
  readonly path: string;
  /** Of a copy in HTTP/2, its pseudo-headers too. */
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
    const copy = prepareCopy(target, request, body);
    if (typeof copy === 'number') return endCopy(target, copy, listener);
    this.#print(target, copy.request);
    endCopy(target, PLANNED, listener);
  }

  #print({ rules, origin }: EmitterTarget, copy: OutgoingRequest): void {
    const content = copy.body ?? Buffer.alloc(0);
    const line: CopyLine = {
      policy: rules.marker.value,
      target: origin,
      method: copy.method,
      path: copy.path,
      headers: pairs([...(copy.http2?.pseudo ?? []), ...copy.headers]),
      bodyLength: content.length,
      bodySha256: createHash('sha256').update(content).digest('hex'),
    };
    this.#write(JSON.stringify(line));
  }
}
