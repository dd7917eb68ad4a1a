import type { ErrorCode } from '../../errors.ts';
import type { Endpoint } from '../tap.ts';

/** The agent's word to its capturing process. Each `request` is answered once by `done` or `failed`. */
export type Command =
  | { readonly type: 'start'; readonly request: number; readonly settings: Settings }
  | { readonly type: 'attach'; readonly request: number; readonly endpoint: Endpoint }
  | { readonly type: 'detach'; readonly request: number; readonly endpointId: number };

/** The capturing process's word to the agent. */
export type Report =
  | { readonly type: 'done'; readonly request: number }
  | { readonly type: 'failed'; readonly request: number; readonly code: ErrorCode; readonly message: string }
  /** This ring has filled past its threshold. */
  | { readonly type: 'wake'; readonly ring: number };

export interface Settings {
  /** Size of each ring's data area, bytes. */
  readonly ringBytes: number;
  readonly rings: number;
  /** Kernel buffer of each tapped interface, bytes. */
  readonly bufferBytes: number;
}

/** Descriptors that the capturing process inherits: its counters, then its rings, one after the other. */
export const COUNTERS_FD = 4;
export const FIRST_RING_FD = 5;
