/**
 * What the policies say of one request. The router fills the same object again for each request (no allocation).
 */
export class Verdict {
  /** Flat target numbers of the snapshot that get a copy; empty means that the request is not mirrored. */
  readonly targets: number[] = [];
  /** Where not mirrored: the outcome slot (`unmatched`, `excluded`, `method`, `sampled-out` or `loop`). */
  slot = 0;
  /** The policy that the outcome is counted for: the first that admits it, or the one that came closest; -1 if none. */
  policy = -1;
  /** The largest `maxBodyBytes` among the admitting policies: content beyond it need not be kept. */
  maxBodyBytes = 0;
}
