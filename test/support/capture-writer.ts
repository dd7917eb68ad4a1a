import { writeFileSync } from 'node:fs';
import type { Packet } from './conversation.ts';
import { SERVER_PORT } from './conversation.ts';

const ETHERNET = 1;
const HEADERS = 14 + 20 + 20;

/** Writes packets as a pcap file of Ethernet frames, with microsecond times; each frame as long as its capture. */
export function writeCapture(path: string, packets: readonly Packet[]): void {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(ETHERNET, 20);
  writeFileSync(path, Buffer.concat([header, ...packets.flatMap(record)]));
}

function record(packet: Packet): Buffer[] {
  const frame = ethernetFrame(packet);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(Math.floor(packet.timeUs / 1e6), 0);
  header.writeUInt32LE(packet.timeUs % 1e6, 4);
  header.writeUInt32LE(frame.length, 8);
  header.writeUInt32LE(HEADERS + packet.wireLength, 12);
  return [header, frame];
}

/** Checksums are left 0, as captures from interfaces with offloads have them. */
function ethernetFrame({ fromClient, flags, seq, ack, payload, wireLength, clientPort }: Packet): Buffer {
  const frame = Buffer.alloc(HEADERS);
  frame.writeUInt16BE(0x0800, 12);
  frame[14] = 0x45;
  frame.writeUInt16BE(40 + wireLength, 16);
  frame[22] = 64;
  frame[23] = 6;
  frame.set(fromClient ? [10, 0, 0, 1, 10, 0, 0, 2] : [10, 0, 0, 2, 10, 0, 0, 1], 26);
  frame.writeUInt16BE(fromClient ? clientPort : SERVER_PORT, 34);
  frame.writeUInt16BE(fromClient ? SERVER_PORT : clientPort, 36);
  frame.writeUInt32BE(seq >>> 0, 38);
  frame.writeUInt32BE(ack >>> 0, 42);
  frame[46] = 0x50;
  frame[47] = flags;
  frame.writeUInt16BE(65_535, 48);
  return Buffer.concat([frame, payload]);
}
