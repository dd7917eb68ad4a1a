import { setTimeout as sleep } from 'node:timers/promises';
import type { ByteBudget } from '../flow/budget.ts';
import type { ExchangeHandler } from '../http/exchange.ts';
import { defaultHttpOptions } from '../http/message-reader.ts';
import { Player, type Played } from '../record/player.ts';
import type { RawMessage } from '../record/raw-message.ts';
import { RecordingReader } from '../record/recording-reader.ts';
import { FileTap } from '../tap/file-tap.ts';
import { Pace } from '../tap/pace.ts';
import { TO_CLIENT, TO_SERVER } from '../tap/segment.ts';
import { newStageCounters } from './board.ts';
import { captureLine } from './line.ts';

/** Timers end at 24 days. */
const LONGEST_SLEEP_MS = 3_600_000;

export interface ReplaySourceOptions {
  /** See ReplayOptions. */
  readonly speed: number;
  readonly ports: readonly number[];
  /** Resolves when there is room for more. */
  readonly room: () => Promise<void>;
}

/** A file whose exchanges are played to a handler, at the pace that was asked for. */
export interface ReplaySource {
  /**
   * Plays the whole file. Call once.
   * @param content room for the content of requests, out of `memoryBytes`
   */
  run(handler: ExchangeHandler, memoryBytes: number, content: ByteBudget): Promise<void>;
  /** What became of the file's records, for people. */
  summary(): string;
}

/**
 * A capture or a recording, told by its content.
 * @throws ShadowtapError CAPTURE_FILE
 */
export async function openReplaySource(path: string, options: ReplaySourceOptions): Promise<ReplaySource> {
  const reader = await RecordingReader.open(path);
  return reader === null ? new CaptureSource(path, options) : new RecordingSource(reader, options);
}

/** Packets: the whole line runs over them. */
class CaptureSource implements ReplaySource {
  readonly #tap: FileTap;

  constructor(path: string, { speed, ports, room }: ReplaySourceOptions) {
    this.#tap = new FileTap(path, { speed, backpressure: room, ...(ports.length > 0 && { ports }) });
  }

  async run(handler: ExchangeHandler, memoryBytes: number, content: ByteBudget): Promise<void> {
    const flows = captureLine(handler, memoryBytes, content, newStageCounters(), () => {});
    await this.#tap.run(flows);
    flows.close(Infinity);
  }

  summary(): string {
    const { frames, segments, warning } = this.#tap.stats();
    return `${frames} frames, ${segments} TCP segments${warning === null ? '' : ` (${warning})`}`;
  }
}

/** Messages: only the decoder and what follows it run. */
class RecordingSource implements ReplaySource {
  readonly #reader: RecordingReader;
  readonly #ports: readonly number[];
  readonly #pace: Pace;
  readonly #room: () => Promise<void>;
  #otherPorts = 0;
  /** The last conversation whose request was no HTTP, if it was the last message: its response says nothing. */
  #refused = '';

  constructor(reader: RecordingReader, { speed, ports, room }: ReplaySourceOptions) {
    this.#reader = reader;
    this.#ports = ports;
    this.#pace = new Pace(speed);
    this.#room = room;
  }

  async run(handler: ExchangeHandler, _memoryBytes: number, content: ByteBudget): Promise<void> {
    const player = new Player(handler, { ...defaultHttpOptions(), budget: content }, newStageCounters().http);
    for await (const message of this.#reader.messages()) {
      if (message.direction === TO_SERVER) await this.#due(message);
      if (this.#isWanted(message)) this.#account(message, player.play(message));
    }
    player.close();
  }

  summary(): string {
    const { records, damaged, firstDamage, leftAside } = this.#reader.counts;
    return [
      `${records} ${this.#reader.format} records`,
      ...(damaged > 0 ? [`${damaged} damaged (the first at ${firstDamage})`] : []),
      ...(leftAside > 0 ? [`${leftAside} responses of other requests left aside`] : []),
      ...(this.#otherPorts > 0 ? [`${this.#otherPorts} of other ports`] : []),
    ].join(', ');
  }

  async #due({ parts }: RawMessage): Promise<void> {
    for (let ahead = Infinity; ahead >= 1; ) {
      ahead = this.#pace.aheadMs(parts[0]!.timeUs);
      if (ahead >= 1) await sleep(Math.min(ahead, LONGEST_SLEEP_MS));
    }
    await this.#room();
  }

  /** A response whose port is not known follows its request. */
  #isWanted({ conversation, direction, server }: RawMessage): boolean {
    if (direction === TO_CLIENT && conversation === this.#refused) return false;
    if (direction === TO_CLIENT && server.port === 0) return true;
    if (this.#ports.length === 0 || this.#ports.includes(server.port)) return true;
    if (direction === TO_SERVER) this.#otherPorts += 1;
    return false;
  }

  #account({ conversation }: RawMessage, played: Played): void {
    this.#refused = played === 'not-http' ? conversation : '';
    if (played === 'not-http') this.#reader.refuse(conversation);
    else if (played === 'unpaired') this.#reader.leaveAside();
  }
}
