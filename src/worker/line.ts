import { ByteBudget } from '../flow/budget.ts';
import { FlowTable, type MakeHandler } from '../flow/table.ts';
import { HttpConnection } from '../http/connection.ts';
import type { ExchangeHandler } from '../http/exchange.ts';
import { defaultHttpOptions } from '../http/message-reader.ts';
import type { Segment } from '../tap/segment.ts';
import type { StageCounters } from './board.ts';

/** Share of a worker's memory that data out of order may take; the rest is for the content of requests. */
const HELD_SHARE = 1 / 4;

/**
 * From segments to exchanges: the part of the line that a worker and `replay` have in common.
 * @param content what `contentBudget` made of the same memory; heads in pieces take their room from it too
 * @param mute the source's: asks the tap to copy no more of a connection
 */
export function captureLine(
  handler: ExchangeHandler,
  memoryBytes: number,
  content: ByteBudget,
  counters: StageCounters,
  mute: (segment: Segment, forever: boolean) => void,
): FlowTable {
  const totalBudget = Math.floor(memoryBytes * HELD_SHARE);
  const options = { totalBudget, flowBudget: Math.min(totalBudget, 2 << 20), mute };
  const http = { ...defaultHttpOptions(), budget: content };
  const makeConnection: MakeHandler = (info, control) => new HttpConnection(info, control, handler, http, counters.http);
  return new FlowTable(makeConnection, options, counters.flow);
}

/** Room for the content of captured requests. */
export function contentBudget(memoryBytes: number): ByteBudget {
  return new ByteBudget(memoryBytes - Math.floor(memoryBytes * HELD_SHARE));
}
