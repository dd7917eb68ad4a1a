import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureFile } from '../../../src/tap/capture/capture-file.ts';
import { bytes } from '../frame/frames.ts';

/** Writes capture files byte by byte, in either byte order. */
export class Order {
  readonly #little: boolean;

  constructor(little: boolean) {
    this.#little = little;
  }

  u16(value: number): Buffer {
    const out = Buffer.alloc(2);
    if (this.#little) out.writeUInt16LE(value);
    else out.writeUInt16BE(value);
    return out;
  }

  u32(value: number): Buffer {
    const out = Buffer.alloc(4);
    if (this.#little) out.writeUInt32LE(value >>> 0);
    else out.writeUInt32BE(value >>> 0);
    return out;
  }

  pcapHeader(linkType: number, magic = 0xa1b2c3d4): Buffer {
    return bytes(this.u32(magic), this.u16(2), this.u16(4), this.u32(0), this.u32(0), this.u32(65535), this.u32(linkType));
  }

  pcapRecord(frame: Buffer, seconds: number, fraction: number, wireLength = frame.length, captured = frame.length): Buffer {
    return bytes(this.u32(seconds), this.u32(fraction), this.u32(captured), this.u32(wireLength), frame);
  }

  block(type: number, body: Buffer, length = 12 + padded(body).length): Buffer {
    return bytes(this.u32(type), this.u32(length), padded(body), this.u32(length));
  }

  section(): Buffer {
    return this.block(0x0a0d0d0a, bytes(this.u32(0x1a2b3c4d), this.u16(1), this.u16(0), this.u32(0xffffffff), this.u32(0xffffffff)));
  }

  option(code: number, value: Buffer): Buffer {
    return bytes(this.u16(code), this.u16(value.length), padded(value));
  }

  describe(linkType: number, options: Buffer = Buffer.alloc(0), snapLength = 0): Buffer {
    return this.block(1, bytes(this.u16(linkType), this.u16(0), this.u32(snapLength), options));
  }

  enhanced(frame: Buffer, high: number, low: number, source = 0, wireLength = frame.length, captured = frame.length): Buffer {
    return this.block(6, bytes(this.u32(source), this.u32(high), this.u32(low), this.u32(captured), this.u32(wireLength), frame));
  }

  simple(frame: Buffer, wireLength = frame.length): Buffer {
    return this.block(3, bytes(this.u32(wireLength), frame));
  }

  obsolete(frame: Buffer, high: number, low: number, source = 0): Buffer {
    return this.block(2, bytes(this.u16(source), this.u16(0), this.u32(high), this.u32(low), this.u32(frame.length), this.u32(frame.length), frame));
  }
}

export const LITTLE = new Order(true);
export const BIG = new Order(false);

function padded(body: Buffer): Buffer {
  return bytes(body, Buffer.alloc((4 - (body.length % 4)) % 4));
}

/** A folder of its own for a test file. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'shadowtap-test-'));
  #files = 0;

  write(content: Buffer | string, name = `capture-${this.#files++}.pcap`): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

export interface Packet {
  readonly frame: string;
  readonly wireLength: number;
  readonly timeUs: number;
  readonly linkType: number;
}

/** Everything in a capture file. */
export async function readAll(path: string): Promise<{ packets: Packet[]; warning: string | null }> {
  const file = await CaptureFile.open(path);
  const packets: Packet[] = [];
  try {
    do {
      while (file.next()) {
        const { data, start, end, wireLength, timeUs, linkType } = file.packet;
        packets.push({ frame: data.toString('latin1', start, end), wireLength, timeUs, linkType });
      }
    } while (await file.refill());
  } finally {
    await file.close();
  }
  return { packets, warning: file.warning };
}
