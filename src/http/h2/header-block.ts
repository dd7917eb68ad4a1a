import type { ByteBudget } from '../../flow/budget.ts';
import { Carry } from './carry.ts';

/** Why the fields of a header block are not known although its frames were: it was too large, or no memory was left. */
export type BlockLoss = 'too-large' | 'no-memory';

/** A header block in the making: one HEADERS or PUSH_PROMISE and its CONTINUATIONs, RFC 9113 section 4.3. */
export class HeaderBlock {
  /** The stream whose CONTINUATION has to come next; 0 where none is under way. */
  continues = 0;
  /** What the first frame said. */
  stream = 0;
  /** Not 0: it is a push promise. */
  promised = 0;
  endStream = false;
  /** It will not be read; its frames are passed over. */
  loss: BlockLoss | null = null;
  /** Fragments of a block that has more than one. */
  readonly fragments: Carry;
  readonly #maxBytes: number;

  /** @param maxBytes beyond which it is not kept */
  constructor(maxBytes: number, budget: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.fragments = new Carry(budget);
  }

  begin(stream: number, endStream: boolean): void {
    this.stream = stream;
    this.promised = 0;
    this.endStream = endStream;
    this.loss = null;
  }

  /** A frame of it has `length` bytes. @returns whether they are to be read */
  admits(length: number): boolean {
    if (this.loss === null && this.fragments.length + length > this.#maxBytes) this.lose('too-large');
    return this.loss === null;
  }

  lose(why: BlockLoss): void {
    this.loss = why;
    this.fragments.clear();
  }

  reset(): void {
    this.continues = 0;
    this.loss = null;
    this.fragments.clear();
  }
}
