import { ShadowtapError } from '../../errors.ts';
import { CapturedPacket, PACKET, type CaptureParser } from './packet.ts';
import { isPcap, PcapParser, PCAP_HEADER_BYTES } from './pcap.ts';
import { isPcapng, PcapngParser } from './pcapng.ts';
import { FileWindow } from './window.ts';

/**
 * A capture file, read from front to back in bounded memory. pcap and pcapng are told apart by their first bytes.
 *
 *     do {
 *       while (file.next()) use(file.packet);
 *     } while (await file.refill());
 */
export class CaptureFile {
  /** Refilled by `next`. */
  readonly packet = new CapturedPacket();
  /**
   * What is wrong with the file's tail, or null: it ends within a packet (the capture was interrupted), or is damaged.
   * Reading stops there; the packets before it are good.
   */
  warning: string | null = null;
  #packets = 0;
  readonly #window: FileWindow;
  readonly #parser: CaptureParser;

  private constructor(window: FileWindow, parser: CaptureParser) {
    this.#window = window;
    this.#parser = parser;
  }

  /** @throws ShadowtapError CAPTURE_FILE if it cannot be read or is not a capture */
  static async open(path: string): Promise<CaptureFile> {
    const window = await FileWindow.open(path);
    try {
      return new CaptureFile(window, await parserFor(window));
    } catch (error) {
      await window.close();
      throw error;
    }
  }

  /**
   * Goes on to the next packet that is already in memory. Synchronous and without allocation.
   * @returns false if more of the file must be read first: call `refill`
   * @throws ShadowtapError CAPTURE_FILE where the file is damaged before its first packet
   */
  next(): boolean {
    if (this.warning !== null) return false;
    try {
      if (this.#parser.next(this.packet) !== PACKET) return false;
      this.#packets++;
      return true;
    } catch (error) {
      if (this.#packets === 0 || !(error instanceof ShadowtapError)) throw error;
      this.warning = error.message;
      return false;
    }
  }

  /** Reads on. @returns false at the end of the file, or where it is damaged @throws ShadowtapError CAPTURE_FILE if reading fails */
  async refill(): Promise<boolean> {
    if (this.warning !== null) return false;
    if (await this.#window.refill()) return true;
    if (this.#window.hasRest) this.warning = `${this.#window.path} ends within a packet: the capture was interrupted`;
    return false;
  }

  async close(): Promise<void> {
    await this.#window.close();
  }
}

async function parserFor(window: FileWindow): Promise<CaptureParser> {
  const complete = window.has(PCAP_HEADER_BYTES) || (await window.refill());
  if (complete && isPcap(window.data, window.at)) return new PcapParser(window);
  if (complete && isPcapng(window.data, window.at)) return new PcapngParser(window);
  const isGzip = window.end >= 2 && window.data[0] === 0x1f && window.data[1] === 0x8b;
  const remedy = isGzip ? 'it is gzip: unpack it first' : 'expected pcap or pcapng, as tcpdump and Wireshark write it, or a recording';
  throw new ShadowtapError('CAPTURE_FILE', `${window.path} is not a capture file: ${remedy}`);
}
