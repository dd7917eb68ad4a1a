/** What the capturing process counts, in memory that it shares with the agent: one double each, in this order. */
export const COUNTERS = [
  'seen',
  'copied',
  'bytes',
  'acks',
  'shed',
  'shedFlows',
  'notHttp',
  'awaiting',
  'mutedFlows',
  'resyncs',
  'lost',
  'unreadable',
] as const;

export type CounterName = (typeof COUNTERS)[number];

export const COUNTER_BYTES = 4096;

/** Index of a counter, for hot paths. */
export function counterIndex(name: CounterName): number {
  return COUNTERS.indexOf(name);
}
