import type { ByteBudget } from '../../flow/budget.ts';
import type { BodyPool } from '../../http/body.ts';
import type { Answer } from '../answer.ts';

/** Answers that are kept, and their bytes. */
const MOST = 256;
const MOST_BYTES = 8 * 1024 * 1024;
/** Of the budget that captured content shares: beyond the first part nothing more is kept, beyond the second all is given back. */
const NO_MORE = 1 / 2;
const GIVE_BACK = 3 / 4;
/**
 * Once there is no more room, so often one is kept in the place of the oldest. However many come, answers then stay long enough to
 * be told from those of the same moment, and equal requests meet an earlier one as often as if all were kept.
 */
const KEEP_EVERY_MS = 10;
/** About what an answer takes beside its characters and content. */
const ANSWER_BYTES = 512;
/** An answer that is older says more of what has been written since than of what varies by itself. */
const OLDEST_MS = 60_000;

interface Kept extends Answer {
  readonly bytes: number;
  /** Of which its content is the beginning; null where it has none. */
  readonly buffer: Buffer | null;
  readonly atMs: number;
}

/** Production's recent answers, by what was asked: the least recently kept gives way. */
export class Repeats {
  readonly #memory: ByteBudget;
  readonly #pool: BodyPool;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  #keptMs = -Infinity;

  /** @param memory what captured content shares @param pool for content */
  constructor(memory: ByteBudget, pool: BodyPool) {
    this.#memory = memory;
    this.#pool = pool;
  }

  /** An earlier answer to the same question, or null. */
  find(key: string, nowMs: number): (Answer & { readonly atMs: number }) | null {
    const kept = this.#kept.get(key);
    if (kept === undefined || nowMs - kept.atMs <= OLDEST_MS) return kept ?? null;
    this.#drop(key, kept);
    return null;
  }

  /** Keeps a copy in the place of an earlier one, or of none where many come. */
  keep(key: string, answer: Answer, nowMs: number): void {
    if (this.#kept.size >= MOST && nowMs - this.#keptMs < KEEP_EVERY_MS && nowMs >= this.#keptMs) return;
    this.#keptMs = nowMs;
    const before = this.#kept.get(key);
    if (before !== undefined) this.#drop(key, before);
    const size = answer.body === null ? 0 : this.#pool.sizeFor(answer.body.length);
    const bytes = size + sizeOf(answer) + 2 * key.length;
    if (this.#memory.used > this.#memory.limit * GIVE_BACK) this.clear();
    while (this.#kept.size >= MOST || (this.#kept.size > 0 && this.#bytes + bytes > MOST_BYTES)) this.#dropOldest();
    if (bytes > MOST_BYTES || this.#memory.used + bytes > this.#memory.limit * NO_MORE || !this.#memory.take(bytes)) return;
    this.#bytes += bytes;
    this.#kept.set(key, copyOf(answer, size === 0 ? null : this.#pool.take(size), bytes, nowMs));
  }

  clear(): void {
    for (const [key, kept] of this.#kept) this.#drop(key, kept);
  }

  #dropOldest(): void {
    for (const [key, kept] of this.#kept) return this.#drop(key, kept);
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
    this.#memory.give(kept.bytes);
    if (kept.buffer !== null) this.#pool.give(kept.buffer);
  }
}

function copyOf({ status, headers, trailers, body, firstByteUs, completeUs }: Answer, buffer: Buffer | null, bytes: number, atMs: number): Kept {
  if (body !== null && buffer !== null) body.copy(buffer);
  const content = body === null || buffer === null ? null : buffer.subarray(0, body.length);
  return { status, headers: [...headers], trailers: [...trailers], body: content, firstByteUs, completeUs, bytes, buffer, atMs };
}

/** Without content. */
function sizeOf({ headers, trailers }: Answer): number {
  let bytes = ANSWER_BYTES;
  for (const text of headers) bytes += 16 + text.length;
  for (const text of trailers) bytes += 16 + text.length;
  return bytes;
}
