import type { Answer, NotCompared } from '../compare/answer.ts';
import { OUTCOME_SLOTS } from '../ledger/outcomes.ts';
import type { AnswerKeeper } from '../mirror/answer-keeper.ts';
import type { CopyListener } from '../mirror/copy.ts';
import type { ComparedTarget } from './compared-target.ts';

/** Hears that nothing more of the mirror's answer will come. */
export interface MirrorSide {
  copyEnded(copy: PairedCopy): void;
}

/** A copy whose answer is compared. The ledger hears of its end first, and waits for nothing here. */
export class PairedCopy implements CopyListener {
  readonly target: ComparedTarget;
  readonly keeper: AnswerKeeper;
  readonly #side: MirrorSide;
  readonly #listener: CopyListener;
  /** How it ended, an index of OUTCOME_SLOTS; -1 while it has not. */
  slot = -1;
  /** Why there is no answer of the mirror to compare; null as long as there may be one. */
  missing: NotCompared | null = null;

  /** @param listener whoever would have heard of its end otherwise */
  constructor(side: MirrorSide, target: ComparedTarget, keeper: AnswerKeeper, listener: CopyListener) {
    this.#side = side;
    this.target = target;
    this.keeper = keeper;
    this.#listener = listener;
  }

  onCopyEnd(slot: number): void {
    this.#listener.onCopyEnd(slot);
    this.slot = slot;
    this.missing = MISSING[slot]!(this.keeper);
    this.#side.copyEnded(this);
  }

  /** Borrowed from the keeper. Once it has ended, and nothing is missing. */
  answer(): Answer {
    const { status, headers, trailers, content, sentMs, firstByteMs, completeMs } = this.keeper;
    return { status, headers, trailers, body: content, firstByteUs: elapsedUs(sentMs, firstByteMs), completeUs: elapsedUs(sentMs, completeMs) };
  }
}

function elapsedUs(fromMs: number, toMs: number): number {
  return fromMs < 0 || toMs < fromMs ? -1 : Math.round((toMs - fromMs) * 1000);
}

/** Failures of ours: the mirror was not asked. */
const NEVER_ASKED: ReadonlySet<string> = new Set(['rejected', 'redaction', 'write']);

/** By slot of the ledger: what the end of a copy says of its answer. */
const MISSING: readonly ((keeper: AnswerKeeper) => NotCompared | null)[] = OUTCOME_SLOTS.map(({ outcome, reason }) => {
  if (outcome === 'mirrored') return missingOf;
  if (outcome === 'failed') return NEVER_ASKED.has(reason) ? () => 'not-sent' : () => 'failed';
  // A queue that ends what it holds is no longer wanted.
  if (outcome === 'incomplete') return reason === 'shutdown' ? () => 'policy' : () => 'incomplete';
  return () => 'not-sent';
});

function missingOf({ state }: AnswerKeeper): NotCompared | null {
  if (state === 'whole') return null;
  return state === 'failed' ? 'incomplete' : state;
}
