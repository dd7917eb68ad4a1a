import type { Direction } from '../tap/segment.ts';

/** Why a flow ended. `fin`: both sides closed; `evicted`: memory was needed; `closed`: the agent stops. */
export type EndReason = 'fin' | 'rst' | 'idle' | 'evicted' | 'reused' | 'closed';

/** Why a flow is of no further interest. `tls`, `other`: it never spoke HTTP; `h2`: its HTTP/2 broke the rules; `upgrade`: it left HTTP. */
export type MuteReason = 'tls' | 'other' | 'h2' | 'upgrade';

/**
 * Receives one connection's bytes, in order and once each.
 *
 * Order of calls: any number of onData, onGap, onFin and onResync, then onEnd exactly once and nothing after.
 * After onFin(direction) there is no more data in that direction. Bytes are borrowed until the call returns.
 */
export interface StreamHandler {
  onData(direction: Direction, data: Buffer, start: number, end: number, timeUs: number): void;
  /**
   * `missing` bytes were never captured; the next onData of this direction continues after them. Infinity: nobody knows
   * how many (urgent data).
   */
  onGap(direction: Direction, missing: number, timeUs: number): void;
  /** The sender of this direction has finished, in order (half-close). */
  onFin(direction: Direction, timeUs: number): void;
  /**
   * An unknown number of bytes is missing in both directions; the next client bytes begin with a request line, or with
   * what looks like a frame of HTTP/2.
   */
  onResync(timeUs: number): void;
  onEnd(reason: EndReason, timeUs: number): void;
}

/** What a stream's handler may ask of the flow. */
export interface FlowControl {
  /**
   * The rest of this connection is of no interest: what is held is freed, onData, onGap, onFin and onResync are not
   * called again, and the tap is asked to copy no more of it. onEnd still comes, once. Idempotent.
   */
  mute(reason: MuteReason): void;
}

/** Who talks to whom, for logs and matching. Made once per flow. */
export interface FlowInfo {
  /** Unique per worker, from 1. */
  readonly id: number;
  readonly endpoint: number;
  /** Text form; IPv4 is dotted, IPv6 as RFC 5952. */
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}
