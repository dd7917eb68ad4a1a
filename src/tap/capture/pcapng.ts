import { MAX_FRAME_BYTES, NEED_MORE, PACKET, plausibleWireLength, type CapturedPacket, type CaptureParser, type ReadResult } from './packet.ts';
import type { FileWindow } from './window.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const OPTION_TIMESTAMP_RESOLUTION = 9;
const OPTION_TIMESTAMP_OFFSET = 14;

/** Type, length, and the length once more at the end. */
const BLOCK_OVERHEAD = 12;
const SMALLEST_SECTION_HEADER = 28;
/** Packets and interface descriptions are read whole; a block of another type may be of any size. */
const MAX_BLOCK_BYTES = MAX_FRAME_BYTES + 65536;
const MAX_INTERFACES = 65536;

/** Why the file is refused goes before this. */
const REMEDY = 'cut the file there, for example with `editcap`';

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly unitsPerSecond: number;
  readonly offsetSeconds: number;
}

export function isPcapng(data: Buffer, at: number): boolean {
  return data.readUInt32LE(at) === SECTION_HEADER;
}

/** draft-ietf-opsawg-pcapng: sections, each with its own byte order and interfaces, made of blocks. */
export class PcapngParser implements CaptureParser {
  readonly #window: FileWindow;
  #littleEndian = true;
  #interfaces: Interface[] = [];
  /** The time of the last packet that had one: a simple packet has none. */
  #lastUs = 0;

  constructor(window: FileWindow) {
    this.#window = window;
  }

  next(packet: CapturedPacket): ReadResult {
    const window = this.#window;
    for (;;) {
      if (!window.has(BLOCK_OVERHEAD)) return NEED_MORE;
      const isSection = window.data.readUInt32LE(window.at) === SECTION_HEADER;
      if (isSection) {
        if (!this.#beginSection()) return NEED_MORE;
        continue;
      }
      const type = this.#u32(window.at);
      const length = this.#u32(window.at + 4);
      if (length < BLOCK_OVERHEAD || length % 4 !== 0) throw window.damaged(`a block of ${length} bytes`, REMEDY);
      if (!isRead(type)) {
        window.skip(length);
        continue;
      }
      if (length > MAX_BLOCK_BYTES) throw window.damaged(`a packet block of ${length} bytes`, REMEDY);
      if (!window.has(length)) return NEED_MORE;
      const body = window.at + 8;
      const end = window.at + length - 4;
      const found = type === INTERFACE_DESCRIPTION ? this.#describe(body, end) : this.#packet(type, body, end, packet);
      window.at += length;
      if (found) return PACKET;
    }
  }

  /** A section's first bytes tell the byte order of everything in it, its own length included. */
  #beginSection(): boolean {
    const window = this.#window;
    const { data, at } = window;
    const littleEndian = data.readUInt32LE(at + 8) === BYTE_ORDER_MAGIC;
    if (!littleEndian && data.readUInt32BE(at + 8) !== BYTE_ORDER_MAGIC) {
      throw window.damaged('a section without byte-order magic', REMEDY);
    }
    this.#littleEndian = littleEndian;
    const length = this.#u32(at + 4);
    if (length < SMALLEST_SECTION_HEADER || length % 4 !== 0) {
      throw window.damaged(`a section header of ${length} bytes`, REMEDY);
    }
    this.#interfaces = [];
    window.skip(length);
    return true;
  }

  #describe(body: number, end: number): false {
    const window = this.#window;
    if (end - body < 8) throw window.damaged('an interface description that is too short', REMEDY);
    if (this.#interfaces.length === MAX_INTERFACES) throw window.damaged('too many interfaces', REMEDY);
    let unitsPerSecond = 1e6;
    let offsetSeconds = 0;
    let at = body + 8;
    while (end - at >= 4) {
      const code = this.#u16(at);
      const length = this.#u16(at + 2);
      if (code === 0 || end - at - 4 < length) break;
      if (code === OPTION_TIMESTAMP_RESOLUTION && length >= 1) unitsPerSecond = resolution(window.data[at + 4]!);
      if (code === OPTION_TIMESTAMP_OFFSET && length >= 8) offsetSeconds = this.#i64(at + 4);
      at += 4 + ((length + 3) & ~3);
    }
    const snapLength = this.#u32(body + 4);
    this.#interfaces.push({ linkType: this.#u16(body), snapLength, unitsPerSecond, offsetSeconds });
    return false;
  }

  #packet(type: number, body: number, end: number, packet: CapturedPacket): boolean {
    const header = type === SIMPLE_PACKET ? 4 : 20;
    const window = this.#window;
    if (end - body < header) throw window.damaged('a packet block that is too short', REMEDY);
    const index = type === ENHANCED_PACKET ? this.#u32(body) : type === OBSOLETE_PACKET ? this.#u16(body) : 0;
    const source = this.#interfaces[index];
    if (source === undefined) throw window.damaged(`a packet of interface ${index}, which is not described`, REMEDY);
    const start = body + header;
    const wireLength = this.#u32(type === SIMPLE_PACKET ? body : body + 16);
    let captured: number;
    if (type === SIMPLE_PACKET) {
      captured = Math.min(wireLength, end - start);
      if (source.snapLength !== 0) captured = Math.min(captured, source.snapLength);
    } else {
      captured = this.#u32(body + 12);
      this.#lastUs = this.#time(body + 4, source);
    }
    if (captured > end - start || captured > MAX_FRAME_BYTES) {
      throw window.damaged(`a packet of ${captured} bytes in a block of ${end - body + BLOCK_OVERHEAD}`, REMEDY);
    }
    packet.data = window.data;
    packet.start = start;
    packet.end = start + captured;
    packet.wireLength = plausibleWireLength(captured, wireLength);
    packet.timeUs = this.#lastUs;
    packet.linkType = source.linkType;
    return true;
  }

  /** A double holds today's microseconds exactly and nanoseconds to a quarter of a microsecond. */
  #time(at: number, source: Interface): number {
    const units = this.#u32(at) * 0x1_0000_0000 + this.#u32(at + 4);
    return Math.floor(units / (source.unitsPerSecond / 1e6)) + source.offsetSeconds * 1e6;
  }

  #u16(at: number): number {
    const { data } = this.#window;
    return this.#littleEndian ? data.readUInt16LE(at) : data.readUInt16BE(at);
  }

  #u32(at: number): number {
    const { data } = this.#window;
    return this.#littleEndian ? data.readUInt32LE(at) : data.readUInt32BE(at);
  }

  #i64(at: number): number {
    const { data } = this.#window;
    return Number(this.#littleEndian ? data.readBigInt64LE(at) : data.readBigInt64BE(at));
  }
}

function isRead(type: number): boolean {
  return type === INTERFACE_DESCRIPTION || type === ENHANCED_PACKET || type === SIMPLE_PACKET || type === OBSOLETE_PACKET;
}

/** if_tsresol: a negative power of ten, or of two where the top bit is set. */
function resolution(code: number): number {
  return (code & 0x80) === 0 ? 10 ** code : 2 ** (code & 0x7f);
}
