import type { EndReason, MuteReason } from './stream.ts';

/** What the flow stage counts. Sums since the start, but for the two gauges. */
export interface FlowCounters {
  /** Gauge: flows in the table, with those that ended a moment ago. */
  flows: number;
  /** Gauge: bytes held out of order, with their bookkeeping. */
  heldBytes: number;
  opened: number;
  /** Connections that existed before the tap and were picked up at a request or status line. */
  pickedUp: number;
  resyncs: number;
  ended: Record<EndReason, number>;
  muted: Record<MuteReason, number>;
  /** Payload bytes that had been delivered before. */
  retransmittedBytes: number;
  /** Segments that were held because they came ahead of a hole. */
  outOfOrder: number;
  /** Held bytes that overlap with different content: someone tries to be read in two ways. */
  conflictingBytes: number;
  gaps: number;
  gapBytes: number;
  /** Segments too far from the stream's place to belong to it. */
  outOfWindow: number;
  /** RST segments that the receiver would not believe, RFC 5961 section 3. */
  badResets: number;
  /** Payload segments of connections joined in the middle, before their first request or status line. */
  unsynced: number;
}

export function newFlowCounters(): FlowCounters {
  return {
    flows: 0,
    heldBytes: 0,
    opened: 0,
    pickedUp: 0,
    resyncs: 0,
    ended: { fin: 0, rst: 0, idle: 0, evicted: 0, reused: 0, closed: 0 },
    muted: { tls: 0, other: 0, h2: 0, upgrade: 0 },
    retransmittedBytes: 0,
    outOfOrder: 0,
    conflictingBytes: 0,
    gaps: 0,
    gapBytes: 0,
    outOfWindow: 0,
    badResets: 0,
    unsynced: 0,
  };
}
