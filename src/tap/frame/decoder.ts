import type { Segment } from '../segment.ts';
import { Cursor, type NextLayer } from './cursor.ts';
import { ethernet, llc, mpls, ppp, pppoe, vlan } from './ethernet.ts';
import { FragmentCache } from './fragments.ts';
import { ip, ipv4, ipv6 } from './ip.ts';
import * as layers from './layer.ts';
import { link } from './link.ts';
import { MALFORMED, NOT_IP, NOT_TCP, type DecodeStatus } from './status.ts';
import { tcp } from './tcp.ts';
import { etherIp, gre, udp } from './tunnel.ts';
import { ieee80211 } from './wireless.ts';

/** Tags, labels, tunnels: more headers in one frame than this are an attack. */
const MAX_LAYERS = 24;

/**
 * Finds the TCP segment in a frame. One decoder per source of frames: it keeps the IP fragments of that source.
 *
 * Safe on any bytes: every header is checked against the captured length, every step moves on, their number is
 * bounded, nothing is thrown and, fragments apart, nothing is allocated.
 */
export class FrameDecoder {
  readonly fragments = new FragmentCache();
  readonly #cursor = new Cursor();

  /**
   * Decodes `frame[start..end)` into the addresses, ports, numbers, flags, hash and payload of `segment`. Its other
   * fields are the caller's; `timeUs` must be set before, it ages fragments. Unless the status is OK the segment's
   * contents have no meaning. The payload is a view of `frame`, or of a reassembled datagram: valid until the next call.
   *
   * @param linkType number in the registry of link types, https://www.tcpdump.org/linktypes.html
   * @param wireLength bytes that the frame had on the wire, `end - start` or more
   */
  decode(frame: Buffer, start: number, end: number, wireLength: number, linkType: number, segment: Segment): DecodeStatus {
    const cursor = this.#cursor;
    cursor.data = frame;
    cursor.at = start;
    cursor.end = end;
    cursor.wireEnd = start + Math.max(wireLength, end - start);
    let layer = link(cursor, linkType);
    for (let depth = 0; depth < MAX_LAYERS; depth++) {
      if (layer === layers.IP_TCP) return tcp(cursor, segment);
      if (layer < 0) return -layer as DecodeStatus;
      layer = this.#step(layer, cursor, segment);
    }
    return MALFORMED;
  }

  #step(layer: number, cursor: Cursor, segment: Segment): NextLayer {
    switch (layer) {
      case layers.ETHERTYPE_IPV4:
        return ipv4(cursor, segment, this.fragments);
      case layers.ETHERTYPE_IPV6:
        return ipv6(cursor, segment, this.fragments);
      case layers.LAYER_IP:
      case layers.IP_IPIP:
      case layers.IP_IPV6:
        return ip(cursor);
      case layers.ETHERTYPE_VLAN:
      case layers.ETHERTYPE_QINQ:
      case layers.ETHERTYPE_QINQ_OLD:
      case layers.ETHERTYPE_QINQ_OLDER:
        return vlan(cursor);
      case layers.LAYER_LLC:
        return llc(cursor);
      case layers.LAYER_ETHERNET:
      case layers.ETHERTYPE_TRANSPARENT_ETHERNET:
        return ethernet(cursor);
      case layers.LAYER_80211:
        return ieee80211(cursor, false);
      case layers.ETHERTYPE_MPLS:
      case layers.ETHERTYPE_MPLS_UPSTREAM:
      case layers.IP_MPLS:
        return mpls(cursor);
      case layers.ETHERTYPE_PPPOE_SESSION:
        return pppoe(cursor);
      case layers.LAYER_PPP:
      case layers.ETHERTYPE_PPP:
        return ppp(cursor);
      case layers.IP_GRE:
        return gre(cursor);
      case layers.IP_UDP:
        return udp(cursor);
      case layers.IP_ETHERIP:
        return etherIp(cursor);
      default:
        return layer >= layers.IP_PROTOCOL ? -NOT_TCP : -NOT_IP;
    }
  }
}
