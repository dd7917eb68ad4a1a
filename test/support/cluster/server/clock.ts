/** The server's time, which a fault can move. */
export class Clock {
  skewMs = 0;

  /** In ms since the epoch. */
  now(): number {
    return Date.now() + this.skewMs;
  }

  /** As `metav1.Time` has it: RFC 3339, whole seconds. */
  timestamp(afterSeconds = 0): string {
    return new Date(this.now() + afterSeconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
