/** A number of bytes that several holders share. Who gets no share does without, and counts it. */
export class ByteBudget {
  readonly limit: number;
  used = 0;
  /** Times that a share was refused. */
  refused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** @returns false, and takes nothing, if that much is not left */
  take(bytes: number): boolean {
    if (this.used + bytes > this.limit) {
      this.refused++;
      return false;
    }
    this.used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}
