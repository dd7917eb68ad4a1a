import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../../../src/tap/frame/decoder.ts';
import { ENCRYPTED, MALFORMED, NOT_IP, NOT_TCP, OK, STATUS_NAMES, TRUNCATED, UNSUPPORTED_LINK } from '../../../src/tap/frame/status.ts';
import { Segment, SYN, URG } from '../../../src/tap/segment.ts';
import { bytes, ethernet, extension, fragment6, GET, ipv4, ipv6, tcp, u16be, u16le, u32be, u32le, udp, vlan } from './frames.ts';

const ETHERNET = 1;

function decode(frame: Buffer, linkType = ETHERNET, wireLength = frame.length) {
  const segment = new Segment();
  const status = new FrameDecoder().decode(frame, 0, frame.length, wireLength, linkType, segment);
  return { status: STATUS_NAMES[status], segment, payload: segment.data.toString('latin1', segment.start, segment.end) };
}

function statusOf(frame: Buffer, linkType = ETHERNET, wireLength = frame.length) {
  return decode(frame, linkType, wireLength).status;
}

const PACKET = ipv4(tcp(GET));
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

describe('FrameDecoder', () => {
  it('reads addresses, ports, numbers, flags and payload', () => {
    const { segment, payload } = decode(ethernet(IPV4, ipv4(tcp(GET, { sport: 51000, dport: 8080, seq: 0xfffffff0, ack: 5, flags: 0x18 }))));
    expect(payload).toBe(GET);
    expect(segment).toMatchObject({ sport: 51000, dport: 8080, seq: -16, ack: 5, flags: 0x18, wireLength: GET.length });
    expect([segment.src0, segment.src1, segment.src2, segment.src3]).toEqual([0, 0, -65536, 0x0100000a]);
    expect([segment.dst0, segment.dst1, segment.dst2, segment.dst3]).toEqual([0, 0, -65536, 0x0200000a]);
  });

  it('decodes a frame in the middle of a larger buffer and looks at nothing else', () => {
    const frame = ethernet(IPV4, PACKET);
    const around = bytes(Buffer.alloc(7, 0xff), frame, Buffer.alloc(9, 0xff));
    const segment = new Segment();
    expect(new FrameDecoder().decode(around, 7, 7 + frame.length, frame.length, ETHERNET, segment)).toBe(OK);
    expect(around.toString('latin1', segment.start, segment.end)).toBe(GET);
  });

  describe('links', () => {
    const cases: [string, number, Buffer][] = [
      ['Ethernet', 1, ethernet(IPV4, PACKET)],
      ['Ethernet with an 802.1Q tag', 1, ethernet(0x8100, vlan(IPV4, PACKET))],
      ['Ethernet with stacked 802.1ad tags', 1, ethernet(0x88a8, vlan(0x8100, vlan(IPV4, PACKET)))],
      ['Ethernet with old stacked tags', 1, ethernet(0x9100, vlan(0x9200, vlan(IPV4, PACKET)))],
      ['Ethernet 802.3 with SNAP', 1, ethernet(8 + PACKET.length, bytes(0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET))],
      ['Ethernet 802.3 with IP in LLC', 1, ethernet(3 + PACKET.length, bytes(6, 6, 3, PACKET))],
      ['Ethernet with MPLS labels', 1, ethernet(0x8847, bytes(u32be(0x00010040), u32be(0x00020140), PACKET))],
      ['Ethernet over MPLS with a control word', 1, ethernet(0x8847, bytes(u32be(0x00020140), u32be(0), ethernet(IPV4, PACKET)))],
      ['PPPoE', 1, ethernet(0x8864, bytes(0x11, 0, u16be(1), u16be(2 + PACKET.length), u16be(0x21), PACKET))],
      ['Linux cooked', 113, bytes(u16be(0), u16be(1), u16be(6), Buffer.alloc(8), u16be(IPV4), PACKET)],
      ['Linux cooked v2', 276, bytes(u16be(IPV4), Buffer.alloc(18), PACKET)],
      ['raw IP', 101, PACKET],
      ['raw IP, number of some BSDs', 12, PACKET],
      ['raw IP, number of others', 14, PACKET],
      ['raw IPv4', 228, PACKET],
      ['raw IPv6', 229, ipv6(6, tcp(GET))],
      ['BSD loopback, little endian', 0, bytes(u32le(2), PACKET)],
      ['BSD loopback, big endian', 0, bytes(u32be(2), PACKET)],
      ['BSD loopback, IPv6 of macOS', 0, bytes(u32le(30), ipv6(6, tcp(GET)))],
      ['BSD loopback, IPv6 of FreeBSD, big endian', 0, bytes(u32be(28), ipv6(6, tcp(GET)))],
      ['OpenBSD loopback', 108, bytes(u32be(24), ipv6(6, tcp(GET)))],
      ['PPP', 9, bytes(0xff, 3, u16be(0x21), PACKET)],
      ['PPP with a short protocol field', 9, bytes(0x21, PACKET)],
      ['PPP with IPv6', 50, bytes(0xff, 3, u16be(0x57), ipv6(6, tcp(GET)))],
      ['PPP with direction', 204, bytes(1, 0xff, 3, u16be(0x21), PACKET)],
      ['PPPoE as a link', 51, bytes(0x11, 0, u16be(1), u16be(2 + PACKET.length), u16be(0x21), PACKET)],
      ['Cisco HDLC', 104, bytes(0x0f, 0, u16be(IPV4), PACKET)],
      ['Frame Relay', 107, bytes(0x18, 0x41, 3, 0xcc, PACKET)],
      ['Frame Relay with SNAP', 107, bytes(0x18, 0x41, 3, 0, 0x80, 0, 0, 0, u16be(IPV4), PACKET)],
      ['Token Ring', 6, bytes(0x10, 0x40, Buffer.alloc(12), 0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET)],
      [
        'Token Ring with a source route', 6,
        bytes(0x10, 0x40, Buffer.alloc(6), 0x80, Buffer.alloc(5), 0x06, 0, u32be(0), 0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET),
      ],
      ['FDDI', 10, bytes(0x50, Buffer.alloc(12), 0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET)],
      ['ARCNET, RFC 1051', 7, bytes(1, 2, 240, PACKET)],
      ['ARCNET, RFC 1201', 7, bytes(1, 2, 212, 0, u16be(1), PACKET)],
      ['ARCNET of Linux, RFC 1051', 129, bytes(1, 2, u16be(0), 240, PACKET)],
      ['ARCNET of Linux, RFC 1201', 129, bytes(1, 2, u16be(0), 212, 0, u16be(1), PACKET)],
      ['IP over IEEE 1394', 138, bytes(Buffer.alloc(16), u16be(IPV4), PACKET)],
      ['IP over Fibre Channel', 122, bytes(Buffer.alloc(16), 0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET)],
      ['SLIP', 8, bytes(Buffer.alloc(16), PACKET)],
      ['pflog', 117, bytes(61, 2, Buffer.alloc(62), PACKET)],
      ['enc', 109, bytes(Buffer.alloc(12), PACKET)],
      ['nflog, little endian', 239, bytes(2, 0, u16be(0), u16le(5), u16le(10), 7, 0, 0, 0, u16le(4 + PACKET.length), u16le(9), PACKET)],
      ['nflog, big endian', 239, bytes(2, 0, u16be(0), u16be(8), u16be(1), u32be(0), u16be(4 + PACKET.length), u16be(9), PACKET)],
      ['PPI', 192, bytes(0, 0, u16le(8), u32le(1), ethernet(IPV4, PACKET))],
      ['PKTAP', 258, bytes(u32le(12), u32le(1), u32le(101), PACKET)],
    ];
    it.each(cases)('%s', (_name, linkType, frame) => {
      expect(decode(frame, linkType)).toMatchObject({ status: 'ok', payload: GET });
    });

    it('does not take trailing bytes of an 802.3 frame for payload', () => {
      const frame = ethernet(8 + PACKET.length, bytes(0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET, 'padding'));
      expect(decode(frame).payload).toBe(GET);
    });

    it('says that a link type is not supported', () => {
      expect(statusOf(PACKET, 9999)).toBe('unsupported-link');
    });

    it('leaves out what is not IP', () => {
      expect(statusOf(ethernet(0x0806, Buffer.alloc(28)))).toBe('not-ip');
      expect(statusOf(ethernet(38, bytes(0x42, 0x42, 3, Buffer.alloc(35))))).toBe('not-ip');
      expect(statusOf(ethernet(0x8864, bytes(0x11, 0, u16be(1), u16be(4), u16be(0xc021), u16be(0))))).toBe('not-ip');
    });
  });

  describe('802.11', () => {
    const LLC = bytes(0xaa, 0xaa, 3, 0, 0, 0, u16be(IPV4), PACKET);
    const data = (control: number, flags: number, ...rest: (number | Buffer)[]): Buffer => bytes(control, flags, Buffer.alloc(22), ...rest);
    const radio = (frame: Buffer): Buffer => bytes(0, 0, u16le(8), u32le(0), frame);

    it('decodes data frames with and without QoS, four addresses, HT control', () => {
      expect(decode(data(0x08, 0x01, LLC), 105).payload).toBe(GET);
      expect(decode(data(0x88, 0x01, 0, 0, LLC), 105).payload).toBe(GET);
      expect(decode(data(0x08, 0x03, Buffer.alloc(6), LLC), 105).payload).toBe(GET);
      expect(decode(data(0x88, 0x81, 0, 0, Buffer.alloc(4), LLC), 105).payload).toBe(GET);
    });

    it('decodes them behind radiotap, Prism and AVS headers', () => {
      expect(decode(radio(data(0x08, 0x01, LLC)), 127).payload).toBe(GET);
      expect(decode(bytes(u32be(0x44), u32be(144), Buffer.alloc(136), data(0x08, 0x01, LLC)), 119).payload).toBe(GET);
      expect(decode(bytes(u32be(0x80211001), u32be(64), Buffer.alloc(56), data(0x08, 0x01, LLC)), 163).payload).toBe(GET);
      expect(decode(bytes(u32be(0x80211001), u32be(64), Buffer.alloc(56), data(0x08, 0x01, LLC)), 119).payload).toBe(GET);
    });

    it('skips the padding that radiotap flags announce, wherever the flags are', () => {
      const padded = data(0x88, 0x01, 0, 0, 0, 0, LLC);
      expect(decode(bytes(0, 0, u16le(9), u32le(0x02), 0x20, padded), 127).payload).toBe(GET);
      const withClock = bytes(0, 0, u16le(25), u32le(0x80000003), u32le(0), Buffer.alloc(4), Buffer.alloc(8), 0x20, padded);
      expect(decode(withClock, 127).payload).toBe(GET);
    });

    it('names what it cannot read', () => {
      expect(statusOf(data(0x08, 0x41, LLC), 105)).toBe(STATUS_NAMES[ENCRYPTED]);
      expect(statusOf(data(0x80, 0, LLC), 105)).toBe(STATUS_NAMES[NOT_IP]);
      expect(statusOf(data(0x48, 0), 105)).toBe(STATUS_NAMES[NOT_IP]);
      expect(statusOf(data(0x88, 0x01, 0x80, 0, LLC), 105)).toBe(STATUS_NAMES[UNSUPPORTED_LINK]);
      expect(statusOf(data(0x08, 0x05, LLC), 105)).toBe(STATUS_NAMES[UNSUPPORTED_LINK]);
    });
  });

  describe('IPv4', () => {
    it('steps over options', () => {
      expect(decode(ethernet(IPV4, ipv4(tcp(GET), { options: Buffer.alloc(8, 1) }))).payload).toBe(GET);
    });

    it('does not take the padding of a short frame for payload', () => {
      const { segment } = decode(ethernet(IPV4, bytes(ipv4(tcp('')), Buffer.alloc(6))));
      expect([segment.end - segment.start, segment.wireLength]).toEqual([0, 0]);
    });

    it('takes a super-packet with length 0 by the length of its frame', () => {
      expect(decode(ethernet(IPV4, ipv4(tcp(GET), { totalLength: 0 }))).payload).toBe(GET);
    });

    it('delivers what there is of a frame that the capture cut, and how long it was', () => {
      const frame = ethernet(IPV4, PACKET);
      const cut = frame.subarray(0, frame.length - 10);
      const { segment, payload, status } = decode(cut, ETHERNET, frame.length);
      expect([status, payload, segment.wireLength]).toEqual(['ok', GET.slice(0, -10), GET.length]);
    });

    it('reports bytes as missing that the IP header promises and the frame does not have', () => {
      const { segment, payload } = decode(ethernet(IPV4, ipv4(tcp(GET), { totalLength: 40 + GET.length + 100 })));
      expect([payload, segment.wireLength]).toEqual([GET, GET.length + 100]);
    });

    it('refuses headers that contradict themselves', () => {
      const badVersion = Buffer.from(PACKET);
      badVersion[0] = 0x55;
      expect(statusOf(ethernet(IPV4, badVersion))).toBe(STATUS_NAMES[MALFORMED]);
      const shortHeader = Buffer.from(PACKET);
      shortHeader[0] = 0x44;
      expect(statusOf(ethernet(IPV4, shortHeader))).toBe(STATUS_NAMES[MALFORMED]);
      expect(statusOf(ethernet(IPV4, ipv4(tcp(GET), { totalLength: 19 })))).toBe(STATUS_NAMES[MALFORMED]);
    });

    it('tells a cut capture from a packet that is too small', () => {
      const frame = ethernet(IPV4, PACKET);
      expect(statusOf(frame.subarray(0, 40), ETHERNET, frame.length)).toBe(STATUS_NAMES[TRUNCATED]);
      expect(statusOf(ethernet(IPV4, ipv4(Buffer.alloc(10))))).toBe(STATUS_NAMES[MALFORMED]);
    });

    it('leaves out other protocols', () => {
      expect(statusOf(ethernet(IPV4, ipv4(udp(53, Buffer.alloc(20)), { protocol: 17 })))).toBe(STATUS_NAMES[NOT_TCP]);
      expect(statusOf(ethernet(IPV4, ipv4(Buffer.alloc(20), { protocol: 1 })))).toBe(STATUS_NAMES[NOT_TCP]);
    });
  });

  describe('IPv6', () => {
    it('keeps the words of the addresses in memory order', () => {
      const { segment, payload } = decode(ethernet(IPV6, ipv6(6, tcp(GET))));
      expect(payload).toBe(GET);
      expect([segment.src0, segment.src1, segment.src2, segment.src3]).toEqual([0xb80d0120 | 0, 0, 0, 0x01000000]);
      expect(segment.dst3).toBe(0x02000000);
    });

    it('walks extension headers', () => {
      const authentication = bytes(6, 4, Buffer.alloc(22), tcp(GET));
      const packet = extension(43, 1, extension(60, 2, extension(51, 3, authentication)));
      expect(decode(ethernet(IPV6, ipv6(0, packet))).payload).toBe(GET);
    });

    it('takes a fragment that is the whole packet as it is', () => {
      expect(decode(ethernet(IPV6, ipv6(44, fragment6(6, 0, false, tcp(GET))))).payload).toBe(GET);
    });

    it('takes a jumbogram by the length of its frame', () => {
      expect(decode(ethernet(IPV6, ipv6(0, extension(6, 1, tcp(GET)), 0))).payload).toBe(GET);
    });

    it('gives up on a chain of extension headers without end', () => {
      const packet = ipv6(0, Buffer.alloc(8 * 100));
      expect(statusOf(ethernet(IPV6, packet))).toBe(STATUS_NAMES[MALFORMED]);
    });

    it('leaves out what is encrypted or has no next header', () => {
      expect(statusOf(ethernet(IPV6, ipv6(50, Buffer.alloc(40))))).toBe(STATUS_NAMES[NOT_TCP]);
      expect(statusOf(ethernet(IPV6, ipv6(59, Buffer.alloc(40))))).toBe(STATUS_NAMES[NOT_TCP]);
    });
  });

  describe('TCP', () => {
    it('steps over options without reading them, even one of length 0', () => {
      const options = bytes(254, 0, 254, 0, 34, 255, 1, 1);
      expect(decode(ethernet(IPV4, ipv4(tcp(GET, { options })))).payload).toBe(GET);
    });

    it('delivers the data of a SYN (Fast Open)', () => {
      const { segment, payload } = decode(ethernet(IPV4, ipv4(tcp(GET, { flags: SYN, options: bytes(34, 10, Buffer.alloc(10)) }))));
      expect([segment.flags, payload]).toEqual([SYN, GET]);
    });

    it('leaves urgent bytes in their place and the flag to tell of them', () => {
      const { segment, payload } = decode(ethernet(IPV4, ipv4(tcp('aXb', { flags: URG | 0x18 }))));
      expect([segment.flags & URG, payload]).toEqual([URG, 'aXb']);
    });

    it('refuses a data offset below five words or behind the packet', () => {
      expect(statusOf(ethernet(IPV4, ipv4(tcp(GET, { offset: 4 }))))).toBe(STATUS_NAMES[MALFORMED]);
      expect(statusOf(ethernet(IPV4, ipv4(tcp('', { offset: 6 }))))).toBe(STATUS_NAMES[MALFORMED]);
    });

    it('delivers no payload where the capture ends within the options', () => {
      const frame = ethernet(IPV4, ipv4(tcp(GET, { options: Buffer.alloc(12, 1) })));
      const { segment, status } = decode(frame.subarray(0, 14 + 20 + 24), ETHERNET, frame.length);
      expect([status, segment.end - segment.start, segment.wireLength]).toEqual(['ok', 0, GET.length]);
    });
  });

  describe('tunnels', () => {
    const inner = ethernet(IPV4, PACKET);
    const cases: [string, Buffer][] = [
      ['IP in IP', ipv4(PACKET, { protocol: 4 })],
      ['IPv6 in IPv4', ipv4(ipv6(6, tcp(GET)), { protocol: 41 })],
      ['IPv4 in IPv6', ipv6(4, PACKET)],
      ['GRE', ipv4(bytes(u16be(0), u16be(IPV4), PACKET), { protocol: 47 })],
      ['GRE with checksum, key and sequence number', ipv4(bytes(u16be(0xb000), u16be(IPV4), Buffer.alloc(12), PACKET), { protocol: 47 })],
      ['GRE with Ethernet', ipv4(bytes(u16be(0x2000), u16be(0x6558), u32be(1), inner), { protocol: 47 })],
      ['PPTP', ipv4(bytes(u16be(0x3081), u16be(0x880b), Buffer.alloc(12), 0xff, 3, u16be(0x21), PACKET), { protocol: 47 })],
      ['ERSPAN', ipv4(bytes(u16be(0x1000), u16be(0x88be), u32be(1), Buffer.alloc(8), inner), { protocol: 47 })],
      ['ERSPAN without header', ipv4(bytes(u16be(0), u16be(0x88be), inner), { protocol: 47 })],
      ['ERSPAN III', ipv4(bytes(u16be(0x1000), u16be(0x22eb), u32be(1), Buffer.alloc(11), 1, Buffer.alloc(8), inner), { protocol: 47 })],
      ['Ethernet in IP', ipv4(bytes(0x30, 0, inner), { protocol: 97 })],
      ['VXLAN', ipv4(udp(4789, bytes(8, Buffer.alloc(7), inner)), { protocol: 17 })],
      ['VXLAN on the port of flannel', ipv4(udp(8472, bytes(8, Buffer.alloc(7), inner)), { protocol: 17 })],
      ['Geneve with options', ipv4(udp(6081, bytes(2, 0, u16be(0x6558), u32be(0), Buffer.alloc(8), inner)), { protocol: 17 })],
      ['GTP', ipv4(udp(2152, bytes(0x30, 255, u16be(PACKET.length), u32be(1), PACKET)), { protocol: 17 })],
      ['GTP with an extension header', ipv4(udp(2152, bytes(0x34, 255, u16be(0), u32be(1), 0, 0, 0, 0x85, 1, 0, 0, 0, PACKET)), { protocol: 17 })],
      ['Teredo', ipv4(udp(3544, ipv6(6, tcp(GET))), { protocol: 17 })],
      ['Teredo with both headers', ipv4(udp(9, bytes(0, 1, 0, 0, Buffer.alloc(9), 0, 0, Buffer.alloc(6), ipv6(6, tcp(GET))), 3544), { protocol: 17 })],
    ];
    it.each(cases)('%s', (_name, packet) => {
      const type = packet[0]! >> 4 === 4 ? IPV4 : IPV6;
      expect(decode(ethernet(type, packet))).toMatchObject({ status: 'ok', payload: GET });
    });

    it('takes the addresses of the inner packet', () => {
      const { segment } = decode(ethernet(IPV4, ipv4(PACKET, { protocol: 4, src: '192.168.0.1', dst: '192.168.0.2' })));
      expect(segment.src3).toBe(0x0100000a);
    });

    it('ends tunnels within tunnels within tunnels', () => {
      let packet = PACKET;
      for (let i = 0; i < 40; i++) packet = ipv4(packet, { protocol: 4 });
      expect(statusOf(ethernet(IPV4, packet))).toBe(STATUS_NAMES[MALFORMED]);
    });

    it('ends a chain of GTP extension headers that does not advance', () => {
      const packet = ipv4(udp(2152, bytes(0x34, 255, u16be(0), u32be(1), 0, 0, 0, 0x85, Buffer.alloc(64))), { protocol: 17 });
      expect(statusOf(ethernet(IPV4, packet))).toBe(STATUS_NAMES[MALFORMED]);
    });
  });
});
