import type { ByteBudget } from '../flow/budget.ts';
import type { FlowInfo } from '../flow/stream.ts';
import type { Exchange } from '../http/exchange.ts';

/** Parts of the budget in use at which large requests, and then new connections, are left out. */
const NO_LARGE = 3 / 4;
const NO_NEW = 7 / 8;
/** Content above this is large, and so is content of unknown length. */
const LARGE_BYTES = 16 * 1024;

/**
 * What is given up first when memory runs short, so that what is left is of use: large requests before small ones, and
 * all requests of connections that have just come before any of those that were mirrored from their beginning.
 */
export class MemoryGuard {
  readonly #budget: ByteBudget;
  /** Connections that came while memory was short. */
  #left = new WeakSet<FlowInfo>();
  #anyLeft = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Whether there is room for a request whose head has come. */
  admits({ flow, index, request }: Exchange): boolean {
    const { used, limit } = this.#budget;
    if (used < limit * NO_LARGE) {
      if (this.#anyLeft) this.#forget();
      return true;
    }
    const { framing, declaredLength } = request!;
    if (framing !== 'none' && (declaredLength < 0 || declaredLength > LARGE_BYTES)) return false;
    if (index === 0 && used >= limit * NO_NEW) {
      this.#left.add(flow);
      this.#anyLeft = true;
    }
    return !this.#left.has(flow);
  }

  #forget(): void {
    this.#left = new WeakSet();
    this.#anyLeft = false;
  }
}
