import { MAX_FRAME_BYTES, NEED_MORE, PACKET, plausibleWireLength, type CapturedPacket, type CaptureParser, type ReadResult } from './packet.ts';
import type { FileWindow } from './window.ts';

export const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetzov's variant, with eight more bytes in each record's header. */
const MAGIC_MODIFIED = 0xa1b2cd34;
const MODIFIED_EXTRA_BYTES = 8;

export function isPcap(data: Buffer, at: number): boolean {
  return isMagic(data.readUInt32LE(at)) || isMagic(data.readUInt32BE(at));
}

function isMagic(word: number): boolean {
  return word === MAGIC_MICROSECONDS || word === MAGIC_NANOSECONDS || word === MAGIC_MODIFIED;
}

/** The classic format of libpcap (draft-ietf-opsawg-pcap): one header, then records, in either byte order. */
export class PcapParser implements CaptureParser {
  readonly linkType: number;
  readonly #window: FileWindow;
  readonly #littleEndian: boolean;
  readonly #fractionsPerUs: number;
  readonly #headerBytes: number;

  /** The window stands on the file header, which is in the buffer. */
  constructor(window: FileWindow) {
    const { data, at } = window;
    this.#window = window;
    this.#littleEndian = isMagic(data.readUInt32LE(at));
    const magic = this.#u32(at);
    this.#fractionsPerUs = magic === MAGIC_NANOSECONDS ? 1000 : 1;
    this.#headerBytes = RECORD_HEADER_BYTES + (magic === MAGIC_MODIFIED ? MODIFIED_EXTRA_BYTES : 0);
    this.linkType = this.#u32(at + 20) & 0xffff; // above it: length of the frame check sequence
    window.at += PCAP_HEADER_BYTES;
  }

  next(packet: CapturedPacket): ReadResult {
    const window = this.#window;
    const headerBytes = this.#headerBytes;
    if (!window.has(headerBytes)) return NEED_MORE;
    const captured = this.#u32(window.at + 8);
    if (captured > MAX_FRAME_BYTES) {
      throw window.damaged(`a packet of ${captured} bytes`, 'cut the file there, for example with `editcap`');
    }
    if (!window.has(headerBytes + captured)) return NEED_MORE;
    const { at } = window;
    packet.data = window.data;
    packet.start = at + headerBytes;
    packet.end = packet.start + captured;
    packet.wireLength = plausibleWireLength(captured, this.#u32(at + 12));
    packet.timeUs = this.#u32(at) * 1e6 + Math.floor(this.#u32(at + 4) / this.#fractionsPerUs);
    packet.linkType = this.linkType;
    window.at = packet.end;
    return PACKET;
  }

  #u32(at: number): number {
    const { data } = this.#window;
    return this.#littleEndian ? data.readUInt32LE(at) : data.readUInt32BE(at);
  }
}
