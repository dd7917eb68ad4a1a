import type { OutcomeRow } from '../ledger/ledger.ts';
import { OUTCOME_SLOTS } from '../ledger/outcomes.ts';
import type { CopyListener } from '../mirror/copy.ts';

/**
 * A captured request's entry in the ledger: open from its first byte until it is settled, once. With several targets it
 * is settled when the last copy has ended: as mirrored if any was answered, else as recorded if any was written, else as
 * what befell the first.
 */
export class Ticket implements CopyListener {
  readonly keeper = null;
  readonly #row: OutcomeRow;
  readonly #onSettled: (() => void) | null;
  #copies = 0;
  #slot = -1;
  #settled = false;

  /** @param onSettled called once, when the request no longer needs what was kept for it */
  constructor(row: OutcomeRow, onSettled: (() => void) | null) {
    this.#row = row;
    this.#onSettled = onSettled;
  }

  settle(slot: number): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#row[slot]! += 1;
    this.#onSettled?.();
  }

  /** `count` copies are about to be offered: that many calls of onCopyEnd will come. */
  expectCopies(count: number): void {
    this.#copies = count;
  }

  onCopyEnd(slot: number): void {
    if (this.#slot < 0 || rank(slot) > rank(this.#slot)) this.#slot = slot;
    this.#copies -= 1;
    if (this.#copies === 0) this.settle(this.#slot);
  }
}

function rank(slot: number): number {
  const { outcome } = OUTCOME_SLOTS[slot]!;
  return outcome === 'mirrored' ? 2 : outcome === 'recorded' ? 1 : 0;
}
