/** Builds frames byte by byte, header by header, for tests. Checksums are left 0: nobody here verifies them. */

export function bytes(...parts: (number | string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
}

export function u16be(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return out;
}

export function u32be(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value >>> 0);
  return out;
}

export function u16le(value: number): Buffer {
  return u16be(value).reverse();
}

export function u32le(value: number): Buffer {
  return u32be(value).reverse();
}

const MACS = Buffer.from('020000000002020000000001', 'hex');

export function ethernet(type: number, payload: Buffer): Buffer {
  return bytes(MACS, u16be(type), payload);
}

export function vlan(type: number, payload: Buffer): Buffer {
  return bytes(u16be(42), u16be(type), payload);
}

export interface TcpFields {
  readonly sport?: number;
  readonly dport?: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly options?: Buffer;
  /** Data offset in words, where it is to be a lie. */
  readonly offset?: number;
}

export function tcp(payload: Buffer | string, fields: TcpFields = {}): Buffer {
  const { sport = 40000, dport = 80, seq = 1000, ack = 2000, flags = 0x18, options = Buffer.alloc(0) } = fields;
  const offset = fields.offset ?? 5 + options.length / 4;
  return bytes(u16be(sport), u16be(dport), u32be(seq), u32be(ack), offset << 4, flags, u16be(65535), u32be(0), options, payload);
}

export function udp(dport: number, payload: Buffer, sport = 12345): Buffer {
  return bytes(u16be(sport), u16be(dport), u16be(8 + payload.length), u16be(0), payload);
}

export interface Ipv4Fields {
  readonly src?: string;
  readonly dst?: string;
  readonly protocol?: number;
  readonly id?: number;
  /** Flags and offset as on the wire: 0x2000 is "more fragments", the rest counts units of eight bytes. */
  readonly fragment?: number;
  readonly options?: Buffer;
  /** Where it is not the true one. */
  readonly totalLength?: number;
}

export function ipv4(payload: Buffer, fields: Ipv4Fields = {}): Buffer {
  const { src = '10.0.0.1', dst = '10.0.0.2', protocol = 6, id = 7, fragment = 0, options = Buffer.alloc(0) } = fields;
  const header = 20 + options.length;
  const total = fields.totalLength ?? header + payload.length;
  return bytes(
    0x40 | (header / 4), 0, u16be(total), u16be(id), u16be(fragment), 64, protocol, u16be(0), address4(src), address4(dst), options, payload,
  );
}

function address4(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number));
}

export const V6_SRC = Buffer.from('20010db8000000000000000000000001', 'hex');
export const V6_DST = Buffer.from('20010db8000000000000000000000002', 'hex');

export function ipv6(next: number, payload: Buffer, length = payload.length): Buffer {
  return bytes(0x60, 0, 0, 0, u16be(length), next, 64, V6_SRC, V6_DST, payload);
}

/** An extension header of `words` times eight bytes. */
export function extension(next: number, words: number, payload: Buffer): Buffer {
  return bytes(next, words - 1, Buffer.alloc(words * 8 - 2), payload);
}

export function fragment6(next: number, offset: number, more: boolean, payload: Buffer): Buffer {
  return bytes(next, 0, u16be(offset | (more ? 1 : 0)), u32be(99), payload);
}

export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
