import type { ByteBudget } from '../../flow/budget.ts';

/** What an entry costs beside its texts, RFC 7541 section 4.1. */
export const ENTRY_OVERHEAD = 32;
/** SETTINGS_HEADER_TABLE_SIZE unless it is set, RFC 9113 section 6.5.2. */
export const DEFAULT_TABLE_SIZE = 4096;
/** More than this is not kept of any table; what was inserted before is then unknown. */
const MAX_KEPT = 65_536;
/** The same where the table's size is not known. */
const KEPT_OF_UNKNOWN = 16_384;

/** A name or a value that is not known: the entry was inserted before we listened. */
export const UNKNOWN = null;

/**
 * One direction's dynamic table, RFC 7541 section 2.3.2, of which the older part may not be known.
 *
 * Indices count back from the newest entry, and an encoder refers only to entries that are there. So whatever the real
 * table's size is, index 62 + n means the entry that was inserted n insertions ago: that it may have been evicted need not
 * concern us, for then nobody refers to it. Two things could shift entries, and do not: an entry that is larger than the
 * whole table is not inserted, but empties it, so that nothing older is referred to; and a change of size evicts, from
 * the far end. What is kept here is therefore the newest entries, as many as there is room for, and everything beyond is
 * unknown, unless it is certain that there is nothing beyond.
 */
export class HeaderTable {
  /** A ring of entries: the newest is at `#newest`, older ones follow. Its length is a power of two. */
  #names: (string | null)[] = [];
  #values: string[] = [];
  /** By entry: an octet that may not be in a field, see FieldCheck. */
  #flaws: number[] = [];
  #newest = 0;
  #count = 0;
  /** Size of the kept entries as RFC 7541 section 4.1 has it. */
  #size = 0;
  /** The real table's maximum size; -1 where it is not known. */
  #limit: number;
  /** There is no entry beyond those that are kept. */
  #complete: boolean;
  /** Taken from the budget. */
  #charged = 0;
  readonly #budget: ByteBudget;

  /** @param known the connection was seen from its beginning */
  constructor(known: boolean, budget: ByteBudget) {
    this.#limit = known ? DEFAULT_TABLE_SIZE : -1;
    this.#complete = known;
    this.#budget = budget;
  }

  /** Nothing is beyond the kept entries: a reference to there is an error, not something unknown. */
  get complete(): boolean {
    return this.#complete;
  }

  get count(): number {
    return this.#count;
  }

  /** Maximum size of the real table, or -1. */
  get limit(): number {
    return this.#limit;
  }

  /** @param back 0 for the newest entry; less than `count` */
  name(back: number): string | null {
    return this.#names[(this.#newest + back) & (this.#names.length - 1)]!;
  }

  value(back: number): string {
    return this.#values[(this.#newest + back) & (this.#names.length - 1)]!;
  }

  flaw(back: number): number {
    return this.#flaws[(this.#newest + back) & (this.#names.length - 1)]!;
  }

  /** @param name null where it is not known */
  insert(name: string | null, value: string, flaw: number): void {
    // Of an unknown name as little is assumed as there can be: an entry too few is evicted rather than one too many.
    const size = (name === null ? 0 : name.length) + value.length + ENTRY_OVERHEAD;
    const room = this.#room;
    this.#evict(room - size);
    if (size > room || !this.#charge(size)) {
      this.#clear(size > this.#limit && this.#limit >= 0);
      return;
    }
    if (this.#count === this.#names.length) this.#grow();
    this.#newest = (this.#newest - 1) & (this.#names.length - 1);
    this.#names[this.#newest] = name;
    this.#values[this.#newest] = value;
    this.#flaws[this.#newest] = flaw;
    this.#count++;
    this.#size += size;
    if (this.#limit >= 0 && this.#size + ENTRY_OVERHEAD > this.#limit) this.#complete = true;
  }

  /** The encoder says the table's maximum size, section 6.3. */
  resize(limit: number): void {
    this.#limit = limit;
    this.#evict(this.#room);
    if (this.#size + ENTRY_OVERHEAD > limit) this.#complete = true;
  }

  /** Insertions have been missed: nothing is known of what is there. */
  forget(): void {
    this.#clear(false);
    this.#limit = -1;
  }

  /** Gives its memory back. */
  release(): void {
    this.#clear(this.#complete);
  }

  get #room(): number {
    return this.#limit < 0 ? KEPT_OF_UNKNOWN : Math.min(this.#limit, MAX_KEPT);
  }

  /** Forgets the oldest entries until the rest takes up `size` or less. */
  #evict(size: number): void {
    while (this.#size > size && this.#count > 0) {
      const at = (this.#newest + this.#count - 1) & (this.#names.length - 1);
      this.#size -= (this.#names[at]?.length ?? 0) + this.#values[at]!.length + ENTRY_OVERHEAD;
      this.#names[at] = null;
      this.#values[at] = '';
      this.#count--;
      if (this.#limit < 0 || this.#limit > MAX_KEPT) this.#complete = false;
    }
  }

  #clear(complete: boolean): void {
    this.#names = [];
    this.#values = [];
    this.#flaws = [];
    this.#newest = 0;
    this.#count = 0;
    this.#size = 0;
    this.#complete = complete;
    this.#budget.give(this.#charged);
    this.#charged = 0;
  }

  /** Room is taken as the table grows, and given back all at once. */
  #charge(size: number): boolean {
    const wanted = (this.#size + size) * MEMORY_PER_SIZE;
    if (wanted <= this.#charged) return true;
    const more = Math.max(wanted - this.#charged, CHARGE_STEP);
    if (!this.#budget.take(more)) return false;
    this.#charged += more;
    return true;
  }

  #grow(): void {
    const length = Math.max(16, this.#names.length * 2);
    const names: (string | null)[] = new Array<string | null>(length).fill(null);
    const values: string[] = new Array<string>(length).fill('');
    const flaws: number[] = new Array<number>(length).fill(0);
    for (let back = 0; back < this.#count; back++) {
      names[back] = this.name(back);
      values[back] = this.value(back);
      flaws[back] = this.flaw(back);
    }
    this.#names = names;
    this.#values = values;
    this.#flaws = flaws;
    this.#newest = 0;
  }
}

/** Texts have headers and the ring has empty places: about as much again. */
const MEMORY_PER_SIZE = 2;
const CHARGE_STEP = 1024;
