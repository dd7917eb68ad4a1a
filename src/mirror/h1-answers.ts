import { ByteBudget } from '../flow/budget.ts';
import { newHttpCounters } from '../http/counters.ts';
import { FramingFields, hasToken, isName } from '../http/framing.ts';
import { FAULTY, HeadScan, NEED_MORE } from '../http/head-scan.ts';
import { MessageReader, type Break } from '../http/message-reader.ts';
import type { AnswerKeeper } from './answer-keeper.ts';

/** What the answers of one connection are read for. */
export interface AnswerHandler {
  /** Method of the request that the next answer belongs to; null where no answer is awaited. */
  readonly awaited: string | null;
  /** Gets the next answer; null: nobody wants it. */
  readonly keeper: AnswerKeeper | null;
  /** The head of a final answer is there. */
  onAnswer(status: number): void;
  /** The answer is over. @param persists whether the server keeps the connection for another one */
  onAnswerEnd(persists: boolean): void;
  /** This is no HTTP/1.x, or nobody asked for it. Nothing more is read. */
  onNonsense(): void;
}

/** A head larger than this is nonsense, bytes. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Heads and chunk trailers in pieces, of all connections of a thread. */
const PIECES = { maxHeadBytes: MAX_HEAD_BYTES, budget: new ByteBudget(32 << 20) };
/** What a mirror says does not count as captured traffic. */
const UNCOUNTED = newHttpCounters();

const SCAN = new HeadScan();
const FRAMING = new FramingFields();

/**
 * Reads the answers of a mirror one after the other; what a keeper wants of them it gets, and else nothing is kept. Interim
 * (1xx) answers are passed over. Times are microseconds of `performance.now()`, or 0 where no keeper is there.
 */
export class AnswerReader extends MessageReader {
  readonly #handler: AnswerHandler;
  #persists = false;
  #interim = false;
  /** Of the present answer. */
  #keeper: AnswerKeeper | null = null;

  constructor(handler: AnswerHandler) {
    super(PIECES, UNCOUNTED);
    this.#handler = handler;
  }

  override onContent(data: Buffer, start: number, end: number): void {
    this.#keeper?.write(data, start, end);
  }

  protected override onHead(data: Buffer, start: number, end: number, firstUs: number): number {
    const method = this.#handler.awaited;
    const after = method === null ? FAULTY : SCAN.response(data, start, end);
    if (after === NEED_MORE) return NEED_MORE;
    const status = after === FAULTY ? 0 : statusAt(data, SCAN.firstStart);
    // Nothing that we send asks for another protocol.
    if (method === null || status < 100 || status === 101) {
      this.#giveUp();
      return end;
    }
    this.#interim = status < 200;
    if (this.#interim) {
      this.beginContent('none', 0, false, 0);
      return after;
    }
    const keeper = this.#handler.keeper;
    const text = data.latin1Slice(start, after);
    const fields = keeper === null ? connectionFields(text, start) : SCAN.fieldList(text, start);
    FRAMING.read(fields, SCAN.minor);
    const framing = FRAMING.ofResponse(status, method);
    this.#persists = framing !== 'close' && persists(fields, SCAN.minor);
    this.#keeper = keeper;
    keeper?.onHead(status, fields, text.length, firstUs / 1000);
    this.#handler.onAnswer(status);
    this.beginContent(framing, FRAMING.length, false, 0);
    return after;
  }

  protected override onComplete(trailers: string[]): void {
    if (this.#interim) return;
    this.#keeper?.onTrailers(trailers);
    this.#keeper = null;
    this.#handler.onAnswerEnd(this.#persists);
  }

  protected override onHeadBreak(_data: Buffer, _end: number, why: Break): void {
    if (why !== 'end') this.#giveUp();
  }

  protected override onBreak(why: Break): void {
    if (why !== 'end') this.#giveUp();
  }

  // Bytes from a socket have no holes: there is never a thread to pick up.
  protected override beginsMessage(): boolean {
    return false;
  }
  protected override onResynchronised(): void {}

  #giveUp(): void {
    this.stop();
    this.#handler.onNonsense();
  }
}

function statusAt(data: Buffer, at: number): number {
  return data[at]! * 100 + data[at + 1]! * 10 + data[at + 2]! - 0x30 * 111;
}

/** The fields that say where an answer ends and whether the connection lives on. @param text the bytes from `base` on */
function connectionFields(text: string, base: number): string[] {
  const { at, fields } = SCAN;
  const list: string[] = [];
  for (let i = 0; i < fields << 2; i += 4) {
    const length = at[i + 1]! - at[i]!;
    // Content-Length, Transfer-Encoding and Connection, and few others.
    if (length !== 14 && length !== 17 && length !== 10) continue;
    list.push(text.substring(at[i]! - base, at[i + 1]! - base), text.substring(at[i + 2]! - base, at[i + 3]! - base));
  }
  return list;
}

/** RFC 9112 section 9.3. */
function persists(fields: readonly string[], minor: number): boolean {
  let keepsAlive = minor === 1;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.length !== 10 || !isName(fields[i]!, 'connection')) continue;
    if (hasToken(fields[i + 1]!, 'close')) return false;
    keepsAlive ||= hasToken(fields[i + 1]!, 'keep-alive');
  }
  return keepsAlive;
}
