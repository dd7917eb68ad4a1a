import pcap, { type PacketWithHeader, type PcapSession } from 'pcap';
import { endianness } from 'node:os';
import { PacketSocket } from './packet-socket.ts';

/** Large enough for any packet, super-packets included: libpcap's own maximum. */
const SNAP_LENGTH = 262144;
/** Packets wait at most this long, so that many are fetched at once. */
const BUFFER_TIMEOUT_MS = 10;

/** What the interface captured. `frame` is one buffer, reused for each packet. */
export type FrameListener = (frame: Buffer, end: number, wireLength: number, wallUs: number, linkType: number) => void;

/** The inside of the package's session, which its types leave out. Its own `read_callback` takes no notice of errors. */
interface Internals {
  buf: Buffer;
  readonly header: Buffer;
  readonly link_type: string;
  readonly session: {
    read_callback: () => void;
    /** @returns 0 when all packets have been handed over, -1 after an error */
    dispatch(buffer: Buffer, header: Buffer): number;
  };
}

/**
 * The package's objects hold a libuv handle in their own memory and never take it off the loop: they must not be
 * collected, even when closed. About a kilobyte each.
 */
const keptForever: PcapSession[] = [];

/** A capture on one interface. The only user of the package `pcap`, which works on the main thread of a process only. */
export class CaptureSession {
  readonly #session: PcapSession;
  readonly #internals: Internals;
  readonly #socket: PacketSocket | null;
  #lost = 0;
  #closed = false;

  /**
   * Opens the interface in the thread's current network namespace; the session stays there.
   * @param filter as in pcap-filter(7)
   * @param beforeRead called before packets are handed over
   * @throws Error with libpcap's words
   */
  constructor(device: string, filter: string, bufferBytes: number, beforeRead: () => void, listener: FrameListener) {
    const options = {
      filter,
      buffer_size: bufferBytes,
      buffer_timeout: BUFFER_TIMEOUT_MS,
      snap_length: SNAP_LENGTH,
      promiscuous: false,
    };
    const { result, socket } = PacketSocket.openedBy(() => pcap.createSession(device, options));
    this.#session = result;
    this.#socket = socket;
    keptForever.push(this.#session);
    const internals = this.#session as unknown as Internals;
    this.#internals = internals;
    const linkType = linkTypeNumber(internals.link_type);
    this.#session.on('packet', ({ buf, header }: PacketWithHeader) => {
      const wallUs = u32(header, 0) * 1e6 + u32(header, 4);
      listener(buf, Math.min(u32(header, 8), buf.length), u32(header, 12), wallUs, linkType);
    });
    internals.session.read_callback = () => {
      if (this.#closed) return;
      beforeRead();
      const failed = internals.session.dispatch(internals.buf, internals.header) === -1;
      if (failed) this.close(); // The interface is gone, and with it whatever it would still have shown.
    };
  }

  /** Packets that the kernel dropped because its buffer was full, or the interface itself did. */
  lost(): number {
    if (this.#closed) return this.#lost;
    const { ps_drop, ps_ifdrop } = this.#session.stats();
    this.#lost = (ps_drop >>> 0) + (ps_ifdrop >>> 0);
    return this.#lost;
  }

  /** Idempotent. Packets that are still in the kernel's buffer are dropped. */
  close(): void {
    if (this.#closed) return;
    this.lost();
    this.#closed = true;
    this.#session.close();
    this.#internals.buf = NO_BYTES;
    this.#internals.session.dispatch = () => 0; // The package has one call in the queue if it was opened just now.
    this.#socket?.release();
  }
}

const NO_BYTES = Buffer.alloc(0);

/** libpcap warns of interfaces without an IPv4 address, which do not matter here. */
pcap.warningHandler = () => {};

const LITTLE = endianness() === 'LE';

/** The header is C's, in the machine's byte order. */
function u32(header: Buffer, at: number): number {
  return LITTLE ? header.readUInt32LE(at) : header.readUInt32BE(at);
}

/** The package has names for a few link types; for others a text with the number. */
function linkTypeNumber(text: string): number {
  switch (text) {
    case 'LINKTYPE_ETHERNET':
      return 1;
    case 'LINKTYPE_NULL':
      return 0;
    case 'LINKTYPE_RAW':
      return 101;
    case 'LINKTYPE_LINUX_SLL':
      return 113;
    case 'LINKTYPE_IEEE802_11_RADIO':
      return 127;
    default:
      return Number(/\d+$/.exec(text)?.[0] ?? -1);
  }
}
