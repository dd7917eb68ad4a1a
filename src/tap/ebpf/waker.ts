import { closeSync } from 'node:fs';
import type { SourceDescriptor } from '../tap.ts';
import { addToEpoll, createEpoll, onReadable, readyTags } from './libbpf.ts';

/**
 * Wakes the worker of a ring that filled past its threshold before the worker's timer came round.
 *
 * The kernel program asks for one wake-up per crossing. Edge triggering keeps it at one: a level-triggered poll would
 * fire for as long as the ring holds anything, which is always.
 */
export class Waker {
  readonly #epoll: number;
  readonly #stopPolling: () => void;

  /** Main thread only. @throws KernelError */
  constructor(sources: readonly SourceDescriptor[]) {
    const words = sources.map(({ wake }) => new Int32Array(wake));
    this.#epoll = createEpoll();
    sources.forEach(({ fd }, i) => addToEpoll(this.#epoll, fd, i));
    this.#stopPolling = onReadable(this.#epoll, () => {
      for (const i of readyTags(this.#epoll, sources.length)) {
        const word = words[i];
        if (word === undefined) continue;
        Atomics.add(word, 0, 1);
        Atomics.notify(word, 0);
      }
    });
  }

  close(): void {
    this.#stopPolling();
    closeSync(this.#epoll);
  }
}
