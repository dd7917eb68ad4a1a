import { FLOW_AWAIT, FLOW_HTTP2, FLOW_MUTED, KEY_WORDS } from '../ebpf/abi.ts';

/** States of a flow that is not simply copied; as `enum flow_state` in bpf/tap.h. UNMARKED is all others. */
export const UNMARKED = 0;
export const NEW = 1;
export const SHED = 2;
export const AWAIT = FLOW_AWAIT;
export const MUTED = FLOW_MUTED;
export const HTTP2 = FLOW_HTTP2;

export type FlowState = typeof UNMARKED | typeof NEW | typeof SHED | typeof AWAIT | typeof MUTED | typeof HTTP2;

const WAYS = 8;
/** An entry: key, state, sequence number, time of its last use (a counter). */
const STATE = KEY_WORDS;
const SEQ = KEY_WORDS + 1;
const USED = KEY_WORDS + 2;
const ENTRY_WORDS = KEY_WORDS + 3;

/**
 * Marks of flows, in fixed memory: a hash chooses a set of eight entries, and a set that is full loses the entry that
 * was not used for longest. A flow that loses its mark is copied again from where it is. Nothing is allocated.
 */
export class FlowMarks {
  readonly #entries: Int32Array;
  readonly #setMask: number;
  #clock = 0;
  /** Of the entry that `find` found; meaningful in state NEW only. */
  seq = 0;

  /** @param capacity rounded up to a power of two; an entry has 52 bytes */
  constructor(capacity = 65536) {
    const sets = 2 ** Math.ceil(Math.log2(Math.max(1, capacity / WAYS)));
    this.#setMask = sets - 1;
    this.#entries = new Int32Array(sets * WAYS * ENTRY_WORDS);
  }

  /** @param hash any hash of the key, the same for each call */
  find(key: Uint32Array, hash: number): FlowState {
    const at = this.#locate(key, hash);
    if (at < 0) return UNMARKED;
    const entries = this.#entries;
    entries[at + USED] = this.#tick();
    this.seq = entries[at + SEQ]!;
    return entries[at + STATE]! as FlowState;
  }

  set(key: Uint32Array, hash: number, state: FlowState, seq: number): void {
    const entries = this.#entries;
    let at = this.#locate(key, hash);
    if (at < 0) {
      at = this.#oldest(hash);
      for (let i = 0; i < KEY_WORDS; i++) entries[at + i] = key[i]!;
    }
    entries[at + STATE] = state;
    entries[at + SEQ] = seq;
    entries[at + USED] = this.#tick();
  }

  remove(key: Uint32Array, hash: number): void {
    const at = this.#locate(key, hash);
    if (at < 0) return;
    this.#entries[at + STATE] = UNMARKED;
    this.#entries[at + USED] = 0;
  }

  #setStart(hash: number): number {
    // The low bits of the hash choose the ring; here the high ones decide, or one ring would use a part of the sets only.
    return ((hash ^ (hash >>> 16)) & this.#setMask) * WAYS * ENTRY_WORDS;
  }

  #locate(key: Uint32Array, hash: number): number {
    const entries = this.#entries;
    const start = this.#setStart(hash);
    for (let at = start; at < start + WAYS * ENTRY_WORDS; at += ENTRY_WORDS) {
      if (entries[at + STATE] !== UNMARKED && this.#isAt(at, key)) return at;
    }
    return -1;
  }

  /** Ports and client differ most, so they are compared first. */
  #isAt(at: number, key: Uint32Array): boolean {
    const entries = this.#entries;
    for (let i = KEY_WORDS - 2; i >= 0; i--) {
      if (entries[at + i] !== (key[i]! | 0)) return false;
    }
    return entries[at + KEY_WORDS - 1] === (key[KEY_WORDS - 1]! | 0);
  }

  #oldest(hash: number): number {
    const entries = this.#entries;
    const start = this.#setStart(hash);
    let oldest = start;
    for (let at = start; at < start + WAYS * ENTRY_WORDS; at += ENTRY_WORDS) {
      if (entries[at + STATE] === UNMARKED) return at;
      const age = (this.#clock - entries[at + USED]!) | 0;
      if (age > ((this.#clock - entries[oldest + USED]!) | 0)) oldest = at;
    }
    return oldest;
  }

  #tick(): number {
    this.#clock = (this.#clock + 1) | 0;
    return this.#clock;
  }
}
