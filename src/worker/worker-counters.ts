/** What a worker knows of itself, beside its stages: gauges and counters of a fixed shape, for the counter board. */
export class WorkerCounters {
  /** Segments taken from the ring. */
  segments = 0;
  /** Segments given up because the worker that should have taken them died. */
  discarded = 0;
  /** Ring records that made no sense and were skipped. */
  badRecords = 0;
  /** Share of the ring in use at the last look, in thousandths. */
  ringFillPermille = 0;
  /** Copies waiting or under way. */
  copiesPending = 0;
  /** Bytes of those copies. */
  copyBytes = 0;
  /** Targets whose circuit breaker is open. */
  breakersOpen = 0;
  /** Bytes of captured requests and of data out of order that are held now. */
  memoryBytes = 0;
  /** Bytes that may be held. */
  memoryBudgetBytes = 0;
  /** Bytes written to recordings. */
  recordedBytes = 0;
  /** Files of recordings deleted to keep within their bounds. */
  recordFilesDeleted = 0;
}
