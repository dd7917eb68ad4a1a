import { createReadStream } from 'node:fs';
import { fileProblem, ShadowtapError } from '../errors.ts';
import { MAX_RECORD_BYTES } from './file-format.ts';
import { GOR_SEPARATOR, gorMessage, isGor } from './gor.ts';
import { decodeHar } from './har-entry.ts';
import { HarScanner } from './har-scanner.ts';
import { Faulty } from './json-fields.ts';
import { decodeNdjson, NDJSON_START } from './ndjson.ts';
import { messagesOf, type RawMessage } from './raw-message.ts';
import { Splitter, type Piece } from './splitter.ts';

/** What became of the records of a file. */
export interface RecordingCounts {
  /** Records of which something could be used. */
  records: number;
  /** Records that could not. */
  damaged: number;
  /** What is wrong with the first of those, and where; null if there is none. */
  firstDamage: string | null;
  /** Responses that belong to another run, or whose request is not in the file. */
  leftAside: number;
}

interface Scanner {
  push(chunk: Buffer): Generator<Piece>;
  end(): Generator<Piece>;
}

/** How a format is cut into records, and a record into messages. */
interface RecordingFormat {
  readonly name: string;
  readonly scanner: () => Scanner;
  /** @returns none for an empty piece; null for what is left aside @throws Faulty */
  readonly decode: (piece: Buffer, offset: number) => readonly RawMessage[] | null;
}

const NDJSON: RecordingFormat = {
  name: 'ndjson',
  scanner: () => new Splitter(Buffer.from('\n'), MAX_RECORD_BYTES),
  decode: (piece, offset) => (isBlank(piece) ? [] : messagesOf(decodeNdjson(piece.toString()), String(offset))),
};

const HAR: RecordingFormat = {
  name: 'HAR',
  scanner: () => new HarScanner(MAX_RECORD_BYTES),
  decode: (piece, offset) => messagesOf(decodeHar(piece.toString()), String(offset)),
};

const GOR: RecordingFormat = {
  name: 'GoReplay',
  scanner: () => new Splitter(GOR_SEPARATOR, MAX_RECORD_BYTES),
  decode: (piece) => {
    const message = gorMessage(piece);
    return message === null ? null : [message];
  },
};

/** What a format is recognised by is within so many bytes. */
const LOOK_BYTES = 64 << 10;

/**
 * Reads the messages of a recording: newline-delimited JSON and HAR 1.2, ours or another tool's, and GoReplay's files.
 * The format is told by the content. Memory is bounded by one record of at most MAX_RECORD_BYTES.
 */
export class RecordingReader {
  readonly path: string;
  readonly format: string;
  readonly counts: RecordingCounts = { records: 0, damaged: 0, firstDamage: null, leftAside: 0 };
  readonly #format: RecordingFormat;

  private constructor(path: string, format: RecordingFormat) {
    this.path = path;
    this.format = format.name;
    this.#format = format;
  }

  /** @returns null where the file is no recording @throws ShadowtapError CAPTURE_FILE if it cannot be read */
  static async open(path: string): Promise<RecordingReader | null> {
    const format = formatOf(await beginningOf(path));
    return format === null ? null : new RecordingReader(path, format);
  }

  /**
   * The messages in the file's order; the bytes of one are borrowed until the next is asked for.
   * @throws ShadowtapError CAPTURE_FILE if reading fails
   */
  async *messages(): AsyncGenerator<RawMessage> {
    const scanner = this.#format.scanner();
    for await (const chunk of chunksOf(this.path)) {
      for (const piece of scanner.push(chunk)) yield* this.#decode(piece);
    }
    for (const piece of scanner.end()) yield* this.#decode(piece);
  }

  /** A message that turned out not to be HTTP. */
  refuse(conversation: string): void {
    this.counts.records -= 1;
    this.#damaged(`record ${conversation}`, 'holds no HTTP request');
  }

  /** A response whose request did not come. */
  leaveAside(): void {
    this.counts.records -= 1;
    this.counts.leftAside += 1;
  }

  #decode({ bytes, offset, last }: Piece): readonly RawMessage[] {
    if (bytes === null) {
      this.#damaged(`byte ${offset}`, `longer than ${MAX_RECORD_BYTES} bytes, or cut by another`);
      return [];
    }
    try {
      const messages = this.#format.decode(bytes, offset);
      if (messages === null) this.counts.leftAside += 1;
      else if (messages.length > 0) this.counts.records += 1;
      return messages ?? [];
    } catch (error) {
      if (!(error instanceof Faulty)) throw error;
      this.#damaged(`byte ${offset}`, last ? `${error.message} (the file ends here)` : error.message);
      return [];
    }
  }

  #damaged(where: string, what: string): void {
    this.counts.damaged += 1;
    this.counts.firstDamage ??= `${where}: ${what}`;
  }
}

function formatOf(beginning: Buffer): RecordingFormat | null {
  const text = beginning.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  if (isGor(text)) return GOR;
  if (text.startsWith(NDJSON_START) || text.includes(`\n${NDJSON_START}`)) return NDJSON;
  return /^\s*\{\s*"log"\s*:\s*\{/.test(text) ? HAR : null;
}

async function beginningOf(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(path, LOOK_BYTES)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(path: string, bytes = Infinity): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18, end: bytes - 1 })) yield chunk as Buffer;
  } catch (cause) {
    throw new ShadowtapError('CAPTURE_FILE', `cannot read ${path}: ${fileProblem(cause)}`, { cause });
  }
}

function isBlank(piece: Buffer): boolean {
  return piece.length === 0 || (piece.length < 16 && piece.toString('latin1').trim() === '');
}
