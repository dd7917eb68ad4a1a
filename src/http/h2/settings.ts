import { DEFAULT_FRAME_SIZE } from '../../tap/http2-frame.ts';
import { DEFAULT_TABLE_SIZE } from './header-table.ts';

const HEADER_TABLE_SIZE = 1;
const ENABLE_PUSH = 2;
const INITIAL_WINDOW_SIZE = 4;
const MAX_FRAME_SIZE = 5;
export const LARGEST_FRAME_SIZE = 2 ** 24 - 1;
const LARGEST_WINDOW = 2 ** 31 - 1;

/**
 * What one side has said of what it accepts, RFC 9113 section 6.5: it binds the other side from its acknowledgement on.
 * Before that the other may do by the new values or the old, and we see the two directions in no exact order: until
 * all settings are acknowledged, the largest of the values is allowed.
 */
export class Settings {
  /** What the other side may do now. */
  tableSize = DEFAULT_TABLE_SIZE;
  frameSize = DEFAULT_FRAME_SIZE;
  #latestTableSize = DEFAULT_TABLE_SIZE;
  #latestFrameSize = DEFAULT_FRAME_SIZE;
  #unacknowledged = 0;

  /** Settings may have been missed: anything is allowed until it is set. */
  forget(): void {
    this.tableSize = this.#latestTableSize = Infinity;
    this.frameSize = this.#latestFrameSize = LARGEST_FRAME_SIZE;
    this.#unacknowledged = 0;
  }

  /** Takes a SETTINGS frame's payload, whole entries of six bytes. @returns false where a value is not allowed */
  offer(data: Buffer, start: number, end: number): boolean {
    for (let at = start; at < end; at += 6) {
      const value = data.readUInt32BE(at + 2);
      switch (data.readUInt16BE(at)) {
        case HEADER_TABLE_SIZE:
          this.#latestTableSize = value;
          break;
        case ENABLE_PUSH:
          if (value > 1) return false;
          break;
        case INITIAL_WINDOW_SIZE:
          if (value > LARGEST_WINDOW) return false;
          break;
        case MAX_FRAME_SIZE:
          if (value < DEFAULT_FRAME_SIZE || value > LARGEST_FRAME_SIZE) return false;
          this.#latestFrameSize = value;
          break;
      }
    }
    this.#unacknowledged++;
    this.tableSize = Math.max(this.tableSize, this.#latestTableSize);
    this.frameSize = Math.max(this.frameSize, this.#latestFrameSize);
    return true;
  }

  /** The other side has taken over the oldest settings that it had not. */
  acknowledge(): void {
    if (this.#unacknowledged > 0) this.#unacknowledged--;
    if (this.#unacknowledged > 0) return;
    this.tableSize = this.#latestTableSize;
    this.frameSize = this.#latestFrameSize;
  }
}
