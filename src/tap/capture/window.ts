import { open, type FileHandle } from 'node:fs/promises';
import { messageOf, ShadowtapError } from '../../errors.ts';

const CHUNK_BYTES = 1 << 18;

/**
 * A file read from front to back through a buffer: parsers look at `data[at..end)` and move `at`; `refill` drops what
 * is behind and reads on. The buffer grows only as far as a parser needs for one packet.
 */
export class FileWindow {
  readonly path: string;
  data: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  at = 0;
  end = 0;
  /** Where `data[0]` is in the file. */
  #base = 0;
  /** Bytes of `data[at..)` that the parser waits for. */
  #wanted = 1;
  /** Bytes still to be passed over that are not in the buffer yet. */
  #skipping = 0;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** @throws ShadowtapError CAPTURE_FILE */
  static async open(path: string): Promise<FileWindow> {
    try {
      return new FileWindow(path, await open(path, 'r'));
    } catch (cause) {
      throw new ShadowtapError('CAPTURE_FILE', `cannot open ${path}: ${messageOf(cause)}`, { cause });
    }
  }

  /** Offset of `at` in the file, for messages. */
  get offset(): number {
    return this.#base + this.at;
  }

  /** Are `bytes` there? If not, the next `refill` sees to it. */
  has(bytes: number): boolean {
    if (this.end - this.at >= bytes) return true;
    this.#wanted = bytes;
    return false;
  }

  /** Moves on, if need be over bytes that have not been read yet. */
  skip(bytes: number): void {
    const here = Math.min(bytes, this.end - this.at);
    this.at += here;
    this.#skipping += bytes - here;
  }

  /** Reads until what the parser waits for is there. @returns false at the end of the file @throws ShadowtapError CAPTURE_FILE */
  async refill(): Promise<boolean> {
    this.data.copyWithin(0, this.at, this.end);
    this.#base += this.at;
    this.end -= this.at;
    this.at = 0;
    if (this.#wanted > this.data.length) this.#grow();
    while (this.end < this.#wanted || this.#skipping > 0) {
      const bytes = await this.#read();
      if (bytes === 0) return false;
      this.end += bytes;
      const passed = Math.min(this.#skipping, this.end);
      if (passed === 0) continue;
      this.data.copyWithin(0, passed, this.end);
      this.end -= passed;
      this.#base += passed;
      this.#skipping -= passed;
    }
    return true;
  }

  async #read(): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(this.data, this.end, this.data.length - this.end, null);
      return bytesRead;
    } catch (cause) {
      const where = `${this.path} at byte ${this.#base + this.end}`;
      throw new ShadowtapError('CAPTURE_FILE', `cannot read ${where}: ${messageOf(cause)}`, { cause });
    }
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.#wanted + CHUNK_BYTES);
    this.data.copy(larger, 0, 0, this.end);
    this.data = larger;
  }

  /** An error that names the file and the place. */
  damaged(what: string, remedy: string): ShadowtapError {
    return new ShadowtapError('CAPTURE_FILE', `${this.path} is damaged at byte ${this.offset}: ${what}; ${remedy}`);
  }

  /** Are bytes left over that no parser could use? */
  get hasRest(): boolean {
    return this.end > this.at || this.#skipping > 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
