import { TO_CLIENT, type Segment } from '../segment.ts';

/**
 * How a worker tells the writer of a `shared` ring which flows it wants no more of: a queue in the rest of the consumer's
 * page, single producer (the worker), single consumer (the tap's process). A full queue refuses: the worker then goes on
 * getting segments of that flow, which costs time and nothing else.
 *
 *     byte 64: entries ever written   byte 128: entries ever read   byte 256: 64 slots of 44 bytes
 */
const WRITTEN_WORD = 16;
const READ_WORD = 32;
const FIRST_SLOT_WORD = 64;
const SLOTS = 64;

/** Client address (4 words), server address (4), client port << 16 | server port, endpoint, forever (1) or not (0). */
export const MUTE_WORDS = 11;

export class MuteQueue {
  readonly #words: Int32Array;

  /** @param words the ring's first page, shared with the other side */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** The worker's side. @returns false if the queue is full */
  push(segment: Segment, forever: boolean): boolean {
    const words = this.#words;
    const written = Atomics.load(words, WRITTEN_WORD);
    if (((written - Atomics.load(words, READ_WORD)) | 0) >= SLOTS) return false;
    const at = FIRST_SLOT_WORD + (written & (SLOTS - 1)) * MUTE_WORDS;
    writeFlowKey(segment, segment.direction === TO_CLIENT, words, at);
    words[at + 9] = segment.endpoint;
    words[at + 10] = forever ? 1 : 0;
    Atomics.store(words, WRITTEN_WORD, (written + 1) | 0);
    return true;
  }

  /** The tap's side: copies the oldest entry to `entry`. @returns false if there is none */
  pop(entry: Int32Array): boolean {
    const words = this.#words;
    const read = Atomics.load(words, READ_WORD);
    if (Atomics.load(words, WRITTEN_WORD) === read) return false;
    const at = FIRST_SLOT_WORD + (read & (SLOTS - 1)) * MUTE_WORDS;
    for (let i = 0; i < MUTE_WORDS; i++) entry[i] = words[at + i]!;
    Atomics.store(words, READ_WORD, (read + 1) | 0);
    return true;
  }
}

/** Nine words that are the same for both directions: client address, server address, client port << 16 | server port. */
export function writeFlowKey(segment: Segment, fromServer: boolean, to: Int32Array, at: number): void {
  const client = fromServer ? at + 4 : at;
  const server = fromServer ? at : at + 4;
  to[client] = segment.src0;
  to[client + 1] = segment.src1;
  to[client + 2] = segment.src2;
  to[client + 3] = segment.src3;
  to[server] = segment.dst0;
  to[server + 1] = segment.dst1;
  to[server + 2] = segment.dst2;
  to[server + 3] = segment.dst3;
  to[at + 8] = fromServer ? (segment.dport << 16) | segment.sport : (segment.sport << 16) | segment.dport;
}
