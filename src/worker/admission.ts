import type { KeepBody } from '../http/body.ts';
import type { LiveCall } from './live-call.ts';
import type { Pair } from './pair.ts';
import type { Recording } from './recording.ts';
import type { CompiledSnapshot } from './targets.ts';
import type { Ticket } from './ticket.ts';

/** Context of an exchange whose request was admitted by at least one policy: what waits for its content. */
export class Admission {
  readonly ticket: Ticket;
  readonly snapshot: CompiledSnapshot;
  /** Flat target numbers of that snapshot. */
  readonly targets: readonly number[];
  readonly body: KeepBody | null;
  /** null where no target is a file. */
  readonly recording: Recording | null;
  /** null where no target is compared. */
  readonly pair: Pair | null;
  /** Of a call of gRPC, what its targets get as it happens; those that are files are not among them. */
  live: readonly LiveCall[] = [];

  constructor(ticket: Ticket, snapshot: CompiledSnapshot, targets: readonly number[], body: KeepBody | null, recording: Recording | null, pair: Pair | null) {
    this.ticket = ticket;
    this.snapshot = snapshot;
    this.targets = targets;
    this.body = body;
    this.recording = recording;
    this.pair = pair;
  }
}
