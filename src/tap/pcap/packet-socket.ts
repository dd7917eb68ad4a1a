import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { replaceDescriptor, unmapRange } from '../ebpf/libbpf.ts';

/**
 * A packet socket that a library has opened in this process, with the buffer that it shares with the kernel.
 *
 * The package `pcap` cannot close a live session without waiting for one more packet, which on an idle or vanished
 * interface never comes; each would leave megabytes of kernel memory and hold its namespace. So they are taken from it.
 */
export class PacketSocket {
  readonly #fd: number;
  /** `socket:[<inode>]`, as /proc shows it. */
  readonly #name: string;

  private constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
  }

  /**
   * Runs `open` and finds the socket that it has left open; null if there is not exactly one. If `open` throws, what it
   * has left open is released.
   */
  static openedBy<T>(open: () => T): { readonly result: T; readonly socket: PacketSocket | null } {
    const before = new Set(sockets().map(({ name }) => name));
    const opened = (): PacketSocket[] =>
      sockets().flatMap(({ fd, name }) => (before.has(name) ? [] : [new PacketSocket(fd, name)]));
    try {
      const result = open();
      const [socket, ...others] = opened();
      return { result, socket: socket !== undefined && others.length === 0 ? socket : null };
    } catch (error) {
      for (const socket of opened()) socket.release();
      throw error;
    }
  }

  /**
   * Closes the socket and gives its buffer back. The library must not be called again for it. The descriptor's number
   * stays taken, by /dev/null: the event loop still has an entry for it, which a newcomer would clash with.
   */
  release(): void {
    for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
      if (!line.endsWith(this.#name)) continue;
      const [start = '', end = ''] = line.slice(0, line.indexOf(' ')).split('-');
      const address = BigInt(`0x${start}`);
      unmapRange(address, Number(BigInt(`0x${end}`) - address));
    }
    const nothing = openSync('/dev/null', 'r');
    replaceDescriptor(this.#fd, nothing);
    closeSync(nothing);
  }
}

function sockets(): { fd: number; name: string }[] {
  return readdirSync('/proc/self/fd').flatMap((entry) => {
    const name = targetOf(entry);
    return name.startsWith('socket:') ? [{ fd: Number(entry), name }] : [];
  });
}

function targetOf(entry: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${entry}`);
  } catch {
    return ''; // The descriptor with which the folder itself was read.
  }
}
