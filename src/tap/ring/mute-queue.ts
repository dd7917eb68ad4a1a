import { KEY_WORDS, writeFlowKey } from '../ebpf/abi.ts';
import { UNKNOWN_DIRECTION, type Segment } from '../segment.ts';
import { SHARED_CONSUMER_OFFSET, SHARED_PRODUCER_OFFSET } from './abi.ts';

/**
 * How a worker tells the writer of a `shared` ring which flows it wants no more of: a queue in the rest of the consumer's
 * page, single producer (the worker), single consumer (the tap's process). A full queue refuses: the worker then goes on
 * getting segments of that flow and asks again, which costs time and nothing else.
 *
 *     byte 64: entries ever written   byte 128: entries ever read   byte 256: 64 slots of 44 bytes
 */
const WRITTEN_WORD = 16;
const READ_WORD = 32;
const FIRST_SLOT_WORD = 64;
const SLOTS = 64;

/** A flow's key, as the BPF side has it, and whether it is muted forever (1) or until a request begins (0). */
export const MUTE_WORDS = KEY_WORDS + 1;
export const MUTE_FOREVER = KEY_WORDS;

export class MuteQueue {
  readonly #words: Int32Array;
  readonly #key = new Uint32Array(KEY_WORDS);

  /** @param memory the ring's, mapped from its beginning */
  constructor(memory: ArrayBufferLike) {
    this.#words = new Int32Array(memory, SHARED_CONSUMER_OFFSET, (SHARED_PRODUCER_OFFSET - SHARED_CONSUMER_OFFSET) / 4);
  }

  /** The worker's side. @returns false if the queue is full or the segment's direction is not known */
  push(segment: Segment, forever: boolean): boolean {
    if (segment.direction === UNKNOWN_DIRECTION) return false;
    const words = this.#words;
    const written = Atomics.load(words, WRITTEN_WORD);
    if (((written - Atomics.load(words, READ_WORD)) | 0) >= SLOTS) return false;
    writeFlowKey(this.#key, segment);
    const at = FIRST_SLOT_WORD + (written & (SLOTS - 1)) * MUTE_WORDS;
    for (let i = 0; i < KEY_WORDS; i++) words[at + i] = this.#key[i]!;
    words[at + MUTE_FOREVER] = forever ? 1 : 0;
    Atomics.store(words, WRITTEN_WORD, (written + 1) | 0);
    return true;
  }

  /** The tap's side: copies the oldest entry to `entry` (MUTE_WORDS). @returns false if there is none */
  pop(entry: Uint32Array): boolean {
    const words = this.#words;
    const read = Atomics.load(words, READ_WORD);
    if (Atomics.load(words, WRITTEN_WORD) === read) return false;
    const at = FIRST_SLOT_WORD + (read & (SLOTS - 1)) * MUTE_WORDS;
    for (let i = 0; i < MUTE_WORDS; i++) entry[i] = words[at + i]!;
    Atomics.store(words, READ_WORD, (read + 1) | 0);
    return true;
  }
}
