import { newFlowCounters } from '../../src/flow/counters.ts';
import type { FlowCounters } from '../../src/flow/counters.ts';
import { FlowTable } from '../../src/flow/table.ts';
import type { FlowOptions } from '../../src/flow/table.ts';
import type { EndReason, FlowControl, FlowInfo, StreamHandler } from '../../src/flow/stream.ts';
import { Segment, TO_SERVER } from '../../src/tap/segment.ts';
import type { Direction } from '../../src/tap/segment.ts';
import { fillSegment } from '../support/conversation.ts';
import type { Packet } from '../support/conversation.ts';

/** Writes down what a flow delivers; adjoining data is joined, so that cuts do not show. Checks the order of calls. */
export class StreamLog implements StreamHandler {
  readonly events: string[] = [];
  readonly info: FlowInfo;
  readonly control: FlowControl;
  #ended = false;
  readonly #finished = [false, false];

  constructor(info: FlowInfo, control: FlowControl) {
    this.info = info;
    this.control = control;
  }

  onData(direction: Direction, data: Buffer, start: number, end: number): void {
    this.#check(!this.#finished[direction] && end > start);
    const text = data.toString('latin1', start, end);
    const last = this.events.at(-1);
    if (last?.startsWith(`${arrow(direction)} "`) === true) {
      this.events[this.events.length - 1] = `${last.slice(0, -1)}${text}"`;
    } else this.events.push(`${arrow(direction)} "${text}"`);
  }

  onGap(direction: Direction, missing: number): void {
    this.#check(!this.#finished[direction] && missing > 0);
    this.events.push(`${arrow(direction)} gap ${missing}`);
  }

  onFin(direction: Direction): void {
    this.#check(!this.#finished[direction]);
    this.#finished[direction] = true;
    this.events.push(`${arrow(direction)} fin`);
  }

  onResync(): void {
    this.#check(true);
    this.events.push('resync');
  }

  onEnd(reason: EndReason): void {
    this.#check(true);
    this.#ended = true;
    this.events.push(`end ${reason}`);
  }

  get ended(): boolean {
    return this.#ended;
  }

  #check(holds: boolean): void {
    if (this.#ended || !holds) throw new Error(`a call out of order, after: ${this.events.join(', ')}`);
  }
}

/** A flow table whose flows write logs. */
export class Bench {
  readonly logs: StreamLog[] = [];
  readonly counters: FlowCounters = newFlowCounters();
  readonly table: FlowTable;
  readonly muted: boolean[] = [];
  readonly #segment = new Segment();
  lastUs = 0;

  constructor(options: Partial<FlowOptions> = {}) {
    this.table = new FlowTable(
      (info, control) => {
        const log = new StreamLog(info, control);
        this.logs.push(log);
        return log;
      },
      { mute: (_, forever) => this.muted.push(forever), ...options },
      this.counters,
    );
  }

  play(packets: readonly Packet[], live = false): this {
    for (const packet of packets) {
      this.lastUs = packet.timeUs;
      this.table.onSegment(fillSegment(this.#segment, packet, live));
    }
    return this;
  }

  resync(packet: Packet): this {
    fillSegment(this.#segment, packet, true).resync = true;
    this.table.onSegment(this.#segment);
    return this;
  }

  /** Ends everything. @returns each flow's events */
  close(): string[][] {
    this.table.close(this.lastUs);
    return this.logs.map((log) => log.events);
  }
}

export function run(packets: readonly Packet[], live = false, options: Partial<FlowOptions> = {}): string[][] {
  return new Bench(options).play(packets, live).close();
}

function arrow(direction: Direction): string {
  return direction === TO_SERVER ? '>' : '<';
}
