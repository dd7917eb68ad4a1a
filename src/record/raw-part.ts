import { Faulty } from './json-fields.ts';
import type { RecordedMessage } from './record.ts';

/** A piece of a message, and when it came. */
export interface RawPart {
  readonly bytes: Buffer;
  /** Microseconds since 1970. */
  readonly timeUs: number;
}

/** When a message began and ended, microseconds since 1970. */
export interface MessageTimes {
  readonly startUs: number;
  readonly endUs: number;
}

/** @throws Faulty where its times cannot be */
export function timesOf({ startMs, endMs }: RecordedMessage): MessageTimes {
  const startUs = microseconds(startMs);
  return { startUs, endUs: Math.max(startUs, microseconds(endMs)) };
}

function microseconds(ms: number): number {
  // Until the year 2286; a clock beyond that is damage, and would stall a replay.
  if (!(ms >= 0 && ms < 1e13)) throw new Faulty('its time is out of range');
  return Math.round(ms * 1000);
}
