/**
 * A node of a circular doubly linked list that lives inside its owner, so that moving it allocates nothing. A list is
 * a node without an owner; its `next` is the oldest member.
 */
export class Link<T> {
  readonly owner: T | null;
  prev: Link<T> = this;
  next: Link<T> = this;

  constructor(owner: T | null) {
    this.owner = owner;
  }

  get linked(): boolean {
    return this.next !== this;
  }

  /** Takes it out of its list, if it is in one. */
  unlink(): void {
    this.prev.next = this.next;
    this.next.prev = this.prev;
    this.prev = this;
    this.next = this;
  }

  /** Makes it the newest member of `list`. */
  moveTo(list: Link<T>): void {
    this.unlink();
    this.prev = list.prev;
    this.next = list;
    list.prev.next = this;
    list.prev = this;
  }
}
