import { addressBytes } from '../ebpf/addresses.ts';
import { TO_CLIENT, TO_SERVER, type Segment } from '../segment.ts';
import type { Endpoint } from '../tap.ts';

/**
 * Which packets of an interface belong to an endpoint, and which way they go: the twin of `direction_of` in
 * bpf/tap.bpf.c. If both ports are tapped, the smaller one is the server's.
 */
export class EndpointFilter {
  readonly #endpoint: number;
  readonly #ports = new Uint8Array(65536);
  /** Four words for each address; empty lets all pass. */
  readonly #addresses: Int32Array;

  constructor({ id, ports, location }: Endpoint) {
    this.#endpoint = id;
    for (const port of ports) this.#ports[port] = 1;
    const addresses = (location.addresses ?? []).map((text) => addressBytes(text)).filter((bytes) => bytes !== null);
    this.#addresses = new Int32Array(addresses.length * 4);
    addresses.forEach((bytes, i) => {
      for (let word = 0; word < 4; word++) this.#addresses[i * 4 + word] = bytes.readInt32LE(word * 4);
    });
  }

  /** Sets the segment's endpoint and direction. @returns false if it is not the endpoint's */
  accept(segment: Segment): boolean {
    let to = this.#ports[segment.dport] === 1;
    let from = this.#ports[segment.sport] === 1;
    if (to && from) {
      to = segment.dport <= segment.sport;
      from = !to;
    }
    segment.endpoint = this.#endpoint;
    if (to && this.#has(segment.dst0, segment.dst1, segment.dst2, segment.dst3)) {
      segment.direction = TO_SERVER;
      return true;
    }
    if (from && this.#has(segment.src0, segment.src1, segment.src2, segment.src3)) {
      segment.direction = TO_CLIENT;
      return true;
    }
    return false;
  }

  #has(w0: number, w1: number, w2: number, w3: number): boolean {
    const a = this.#addresses;
    if (a.length === 0) return true;
    for (let i = 0; i < a.length; i += 4) {
      if (a[i + 3] === w3 && a[i + 2] === w2 && a[i + 1] === w1 && a[i] === w0) return true;
    }
    return false;
  }
}

/**
 * The kernel's share of the work, in the language of pcap-filter(7). It lets a little more pass than `accept` wants:
 * IPv6 packets with extension headers, behind which it cannot look.
 * @param mac of a pod's own interface: there the endpoint's port is the destination of what comes in and the source of
 * what goes out, and what goes out has this source. null where packets of both kinds pass either way: loopback, the
 * host's end of a cable. (`inbound` and `outbound` would say it better, but libpcap drops everything that arrives
 * before its buffer has been round once: it filters that part once more by itself, and cannot do so with these two.)
 */
export function filterExpression(ports: readonly number[], mac: string | null): string {
  const to = ports.map((port) => `tcp dst port ${port}`).join(' or ');
  const from = ports.map((port) => `tcp src port ${port}`).join(' or ');
  const plain = mac === null ? `${to} or ${from}` : `(not ether src ${mac} and (${to})) or (ether src ${mac} and (${from}))`;
  const extended = IPV6_EXTENSIONS.map((header) => `ip6[6] = ${header}`).join(' or ');
  return `${plain} or (ip6 and (${extended}))`;
}

/** Hop-by-hop options (BIG TCP has them), routing, destination options. */
const IPV6_EXTENSIONS = [0, 43, 60];
