import { constants } from 'node:fs';
import { mkdir, open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { MAX_RECORD_BYTES, type FileFormat } from './file-format.ts';

/** Where files go and what they may take, all workers together. */
export interface FileBounds {
  /** Absolute; each file's name is made from it. */
  readonly path: string;
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly maxTotalBytes: number;
  readonly rotateMs: number;
}

/** Which of how many writers of the same path this is: each has its own files and its share of the bounds. */
export interface WriterShare {
  readonly index: number;
  readonly count: number;
}

export interface DiskCounters {
  /** Bytes written. */
  recordedBytes: number;
  /** Files deleted to keep within the bounds. */
  recordFilesDeleted: number;
}

interface KeptFile {
  readonly path: string;
  readonly bytes: number;
}

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly openedMs: number;
  bytes: number;
  empty: boolean;
}

/** Nobody else may read what production was sent. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
/** Names are taken one by one where another has the name already, as a writer of a run before may. */
const MAX_NAME_TRIES = 1000;

/**
 * A row of files, of which the last is being written. Before anything is written, the oldest files are deleted until
 * it fits the bounds, tail included, so that the bounds hold at every moment. A file that was left by an earlier writer
 * belongs to the writer whose index is the file's modulo the number of writers: whoever runs next, all files have an
 * owner. The caller calls one method at a time and waits for it.
 */
export class RotatingFiles {
  /** Records beyond this do not fit into a file. */
  readonly maxRecordBytes: number;
  readonly #format: FileFormat;
  readonly #bounds: FileBounds;
  readonly #share: WriterShare;
  readonly #counters: DiskCounters;
  readonly #folder: string;
  readonly #stem: string;
  readonly #extension: string;
  readonly #fileBytes: number;
  readonly #totalBytes: number;
  readonly #fileCount: number;
  /** Finished files, oldest first; null until the folder was looked at. */
  #kept: KeptFile[] | null = null;
  #keptBytes = 0;
  #open: OpenFile | null = null;
  /** In the name of the last file, Unix time. */
  #nameMs = 0;

  constructor(format: FileFormat, bounds: FileBounds, share: WriterShare, counters: DiskCounters) {
    this.#format = format;
    this.#bounds = bounds;
    this.#share = share;
    this.#counters = counters;
    this.#folder = dirname(bounds.path);
    this.#extension = extname(bounds.path);
    this.#stem = basename(bounds.path, this.#extension);
    this.#totalBytes = Math.floor(bounds.maxTotalBytes / share.count);
    // Half a share at most, so that the files before it do not all go when a file begins.
    this.#fileBytes = Math.min(bounds.maxBytes, Math.floor(this.#totalBytes / 2));
    this.#fileCount = Math.max(1, Math.floor(bounds.maxFiles / share.count));
    const frame = format.head.length + format.between.length + format.tail.length;
    this.maxRecordBytes = Math.min(this.#fileBytes - frame, MAX_RECORD_BYTES);
  }

  /**
   * Writes as many of the records, from the first on, as fit into the present file; the first always does.
   * @returns how many; at least one
   * @throws what the file system says; nothing of the records is left in the file then
   */
  async append(records: readonly Buffer[]): Promise<number> {
    const file = await this.#fileFor(records[0]!.length);
    const room = this.#fileBytes - this.#format.tail.length - file.bytes;
    const pieces: Buffer[] = [];
    let bytes = 0;
    let count = 0;
    for (const record of records) {
      const between = file.empty && count === 0 ? this.#format.head : this.#format.between;
      if (count > 0 && bytes + between.length + record.length > room) break;
      pieces.push(between, record);
      bytes += between.length + record.length;
      count += 1;
    }
    await this.#deleteUntil(bytes + this.#format.tail.length, this.#fileCount - 1);
    await this.#write(file, pieces, bytes);
    file.empty = false;
    return count;
  }

  /** Whether the present file is old enough to end it. */
  isDue(nowMs: number): boolean {
    return this.#open !== null && nowMs - this.#open.openedMs >= this.#bounds.rotateMs;
  }

  /** Ends the present file, if there is one, properly. */
  async finish(): Promise<void> {
    const file = this.#open;
    if (file === null) return;
    this.#open = null;
    try {
      if (!file.empty) await this.#write(file, [this.#format.tail], this.#format.tail.length);
    } finally {
      this.#keep(file.path, file.bytes);
      await file.handle.close();
    }
  }

  async #fileFor(bytes: number): Promise<OpenFile> {
    const open = this.#open;
    if (open !== null) {
      const { between, tail } = this.#format;
      const fits = open.bytes + between.length + bytes + tail.length <= this.#fileBytes;
      if (fits && !this.isDue(performance.now())) return open;
      await this.finish();
    }
    await this.#look();
    await this.#deleteUntil(this.#format.head.length + bytes + this.#format.tail.length, this.#fileCount - 1);
    this.#open = await this.#create();
    return this.#open;
  }

  /** Makes room for so many more bytes, and leaves at most so many finished files. */
  async #deleteUntil(bytes: number, files: number): Promise<void> {
    const present = this.#open?.bytes ?? 0;
    while (this.#kept!.length > 0 && (this.#kept!.length > files || this.#keptBytes + present + bytes > this.#totalBytes)) {
      await this.#delete(0);
    }
  }

  async #delete(at: number): Promise<void> {
    const { path, bytes } = this.#kept![at]!;
    try {
      await unlink(path);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    this.#kept!.splice(at, 1);
    this.#keptBytes -= bytes;
    this.#counters.recordFilesDeleted += 1;
  }

  #keep(path: string, bytes: number): void {
    this.#kept!.push({ path, bytes });
    this.#keptBytes += bytes;
  }

  /** Finds the files that are there already. */
  async #look(): Promise<void> {
    if (this.#kept !== null) return;
    await mkdir(this.#folder, { recursive: true, mode: FOLDER_MODE });
    const mine = (await readdir(this.#folder)).filter((name) => this.#owns(name)).sort();
    const found = await Promise.all(mine.map((name) => sizeOf(join(this.#folder, name))));
    this.#kept = [];
    for (const file of found) if (file !== null) this.#keep(file.path, file.bytes);
  }

  #owns(name: string): boolean {
    if (!name.startsWith(`${this.#stem}-`) || !name.endsWith(this.#extension)) return false;
    const middle = name.slice(this.#stem.length + 1, name.length - this.#extension.length);
    const worker = /^[0-9]{8}T[0-9]{9}Z-([0-9]{1,4})-[0-9]{1,4}$/.exec(middle)?.[1];
    return worker !== undefined && Number(worker) % this.#share.count === this.#share.index;
  }

  /** Never opens what is there already: a link could lead anywhere. */
  async #create(): Promise<OpenFile> {
    // Rises with each file, so that names sort by age however many begin within a millisecond and whatever the clock does.
    this.#nameMs = Math.max(Date.now(), this.#nameMs + 1);
    const time = new Date(this.#nameMs).toISOString().replace(/[-:.]/g, '');
    for (let number = 0; ; number++) {
      const path = join(this.#folder, `${this.#stem}-${time}-${this.#share.index}-${number}${this.#extension}`);
      try {
        const handle = await open(path, CREATE, FILE_MODE);
        return { path, handle, openedMs: performance.now(), bytes: 0, empty: true };
      } catch (error) {
        if (number >= MAX_NAME_TRIES || !hasCode(error, 'EEXIST')) throw error;
      }
    }
  }

  async #write(file: OpenFile, pieces: readonly Buffer[], bytes: number): Promise<void> {
    try {
      const { bytesWritten } = await file.handle.writev(pieces, file.bytes);
      if (bytesWritten !== bytes) throw new Error(`only ${bytesWritten} of ${bytes} bytes could be written`);
    } catch (error) {
      await this.#abandon(file);
      throw error;
    }
    file.bytes += bytes;
    this.#counters.recordedBytes += bytes;
  }

  /** Cuts off what was written in part, and closes the file: the next record tries a new one. */
  async #abandon(file: OpenFile): Promise<void> {
    if (this.#open !== file) return;
    this.#open = null;
    if (!file.empty) this.#keep(file.path, file.bytes);
    try {
      if (file.empty) await unlink(file.path);
      else await file.handle.truncate(file.bytes);
    } catch {
      // Then its last record is cut, which readers can take.
    }
    await file.handle.close().catch(() => {});
  }
}

async function sizeOf(path: string): Promise<KeptFile | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? { path, bytes: found.size } : null;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
