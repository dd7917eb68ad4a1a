import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Instance } from '../../../src/tap/ebpf/instance.ts';
import { SharedMaps } from '../../../src/tap/ebpf/maps.ts';
import type { ProgramName } from '../../../src/tap/ebpf/object.ts';
import { ACK, FIN, RST, SYN, TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';
import { openSource } from '../../../src/tap/source.ts';
import type { SegmentSource } from '../../../src/tap/tap.ts';
import { bpfObject, requireKernel } from '../../support/kernel.ts';
import { runOnPacket } from './kernel-calls.ts';
import { endpointAt } from './recorder.ts';

const TC: ProgramName[] = ['tap_tc_ingress', 'tap_tc_egress', 'tap_tc_either'];
const CGROUP: ProgramName[] = ['tap_cgroup_ingress', 'tap_cgroup_egress'];
const RING_BYTES = 256 * 1024;
const PSH = 0x08;
const DATA = Buffer.from('GET / HTTP/1.1\r\n\r\n');

const ETHERNET = Buffer.from('020000000001020000000002', 'hex');
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const ethernet = (protocol: number, ...rest: Buffer[]): Buffer => Buffer.concat([ETHERNET, u16(protocol), ...rest]);

interface Tcp {
  readonly sport?: number;
  readonly dport?: number;
  readonly flags?: number;
  /** In bytes, a multiple of four. */
  readonly options?: number;
  readonly payload?: Buffer;
}

function tcp({ sport = 40000, dport = 8080, flags = PSH | ACK, options = 0, payload = DATA }: Tcp = {}): Buffer {
  const header = Buffer.alloc(20 + options, 1);
  header.writeUInt16BE(sport, 0);
  header.writeUInt16BE(dport, 2);
  header.writeUInt32BE(0x8000_0001, 4);
  header.writeUInt32BE(0x0102_0304, 8);
  header[12] = (header.length / 4) << 4;
  header[13] = flags;
  return Buffer.concat([header, payload]);
}

interface Ipv4 {
  readonly options?: number;
  readonly fragment?: number;
  readonly protocol?: number;
  readonly totalLength?: number;
}

function ipv4(body: Buffer, { options = 0, fragment = 0, protocol = 6, totalLength }: Ipv4 = {}): Buffer {
  const header = Buffer.alloc(20 + options, 1);
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(totalLength ?? header.length + body.length, 2);
  header.writeUInt16BE(fragment, 6);
  header[9] = protocol;
  Buffer.from([10, 0, 0, 1]).copy(header, 12);
  Buffer.from([10, 0, 0, 2]).copy(header, 16);
  return Buffer.concat([header, body]);
}

/** `extensions`: headers in front of TCP, each without its first byte, and the number by which it is announced. */
function ipv6(body: Buffer, extensions: readonly (readonly [number, Buffer])[] = [], payloadLength?: number): Buffer {
  const chain = extensions.map(([, rest], i) => Buffer.concat([Buffer.from([extensions[i + 1]?.[0] ?? 6]), rest]));
  const content = Buffer.concat([...chain, body]);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payloadLength ?? content.length, 4);
  header[6] = extensions[0]?.[0] ?? 6;
  Buffer.from('20010db8000000000000000000000001', 'hex').copy(header, 8);
  Buffer.from('20010db8000000000000000000000002', 'hex').copy(header, 24);
  return Buffer.concat([header, content]);
}

/** An extension header of 8 * (1 + more) bytes, without its first byte. */
const extension = (more = 0): Buffer => Buffer.concat([Buffer.from([more]), Buffer.alloc(6 + 8 * more)]);

const IPV4 = 0x0800;
const IPV6 = 0x86dd;

describe.skipIf(!requireKernel())('the BPF program', () => {
  let maps: SharedMaps;
  let instance: Instance;
  let source: SegmentSource;
  let seen: { payload: string; direction: number; wireLength: number; source: number[]; destination: number[]; seq: number; ack: number; flags: number; sport: number; dport: number; endpoint: number }[];

  beforeAll(() => {
    const objectPath = bpfObject();
    maps = new SharedMaps(objectPath, 1, RING_BYTES, []);
    const settings = { objectPath, rings: 1, ringBytes: RING_BYTES, shared: maps };
    instance = new Instance(settings, endpointAt({}, [8080, 443]), [...TC, ...CGROUP]);
    source = openSource({ kind: 'bpf', fd: maps.ringFds[0]!, bytes: RING_BYTES, muteFd: maps.marksFd, wake: new SharedArrayBuffer(4) });
  });

  beforeEach(() => {
    seen = [];
  });

  afterAll(() => {
    source.close();
    instance.close();
    maps.close();
  });

  function run(packet: Buffer, program: ProgramName = 'tap_tc_ingress'): typeof seen {
    const verdict = runOnPacket(instance.programFd(program), packet);
    // Whatever it is: go on.
    expect(verdict).toBe(program.startsWith('tap_cgroup') ? 1 : 0xffff_ffff);
    source.drain(
      {
        onSegment: (s) =>
          seen.push({
            payload: s.data.toString('latin1', s.start, s.end), direction: s.direction, wireLength: s.wireLength,
            source: [s.src0, s.src1, s.src2, s.src3], destination: [s.dst0, s.dst1, s.dst2, s.dst3],
            seq: s.seq, ack: s.ack, flags: s.flags, sport: s.sport, dport: s.dport, endpoint: s.endpoint,
          }),
      },
      RING_BYTES,
    );
    return seen;
  }

  const text = DATA.toString();

  it('reads all of a plain packet', () => {
    expect(run(ethernet(IPV4, ipv4(tcp())))).toEqual([
      {
        payload: text, direction: TO_SERVER, wireLength: DATA.length, seq: 0x8000_0001 | 0, ack: 0x0102_0304,
        flags: PSH | ACK, sport: 40000, dport: 8080, endpoint: 7,
        source: [0, 0, 0xffff_0000 | 0, 0x0100_000a], destination: [0, 0, 0xffff_0000 | 0, 0x0200_000a],
      },
    ]);
  });

  it('keeps IPv6 addresses in memory order', () => {
    expect(run(ethernet(IPV6, ipv6(tcp())))).toMatchObject([
      { payload: text, source: [0xb80d_0120 | 0, 0, 0, 0x0100_0000], destination: [0xb80d_0120 | 0, 0, 0, 0x0200_0000] },
    ]);
  });

  it.each<[string, Buffer]>([
    ['IPv4 options', ethernet(IPV4, ipv4(tcp(), { options: 40 }))],
    ['TCP options', ethernet(IPV4, ipv4(tcp({ options: 40 })))],
    ['a VLAN tag', ethernet(0x8100, u16(5), u16(IPV4), ipv4(tcp()))],
    ['two VLAN tags', ethernet(0x88a8, u16(5), u16(0x8100), u16(6), u16(IPV6), ipv6(tcp()))],
    ['Ethernet padding', ethernet(IPV4, ipv4(tcp()), Buffer.alloc(50))],
    ['no total length, as in BIG TCP', ethernet(IPV4, ipv4(tcp(), { totalLength: 0 }))],
    ['hop-by-hop options', ethernet(IPV6, ipv6(tcp(), [[0, extension()]]))],
    ['a jumbogram’s length, as in BIG TCP', ethernet(IPV6, ipv6(tcp(), [[0, extension()]], 0))],
    ['six extension headers', ethernet(IPV6, ipv6(tcp(), [0, 60, 43, 60, 60, 60].map((type) => [type, extension(1)] as const)))],
  ])('finds the payload behind %s', (_what, packet) => {
    expect(run(packet).map(({ payload }) => payload)).toEqual([text]);
  });

  it.each<[string, Buffer]>([
    ['UDP', ethernet(IPV4, ipv4(tcp(), { protocol: 17 }))],
    ['ARP', ethernet(0x0806, Buffer.alloc(46))],
    ['ICMPv6', ethernet(IPV6, ipv6(tcp(), [[58, extension()]]))],
    ['another port', ethernet(IPV4, ipv4(tcp({ dport: 8081 })))],
    ['a port with the same low bits', ethernet(IPV4, ipv4(tcp({ dport: 8080 ^ 0x8000 })))],
    ['an acknowledgement', ethernet(IPV4, ipv4(tcp({ flags: ACK, payload: Buffer.alloc(0) })))],
    ['a packet that ends before its TCP header does', ethernet(IPV4, ipv4(tcp().subarray(0, 12)))],
  ])('passes over %s', (_what, packet) => {
    expect(run(packet)).toEqual([]);
  });

  it.each<[string, Buffer, 'fragments' | 'unreadable']>([
    ['a first fragment', ethernet(IPV4, ipv4(tcp(), { fragment: 0x2000 })), 'fragments'],
    ['a later fragment', ethernet(IPV4, ipv4(tcp(), { fragment: 0x0010 })), 'fragments'],
    ['an IPv6 fragment', ethernet(IPV6, ipv6(tcp(), [[44, extension()]])), 'fragments'],
    ['too many extension headers', ethernet(IPV6, ipv6(tcp(), Array.from({ length: 7 }, () => [60, extension()] as const))), 'unreadable'],
    ['an IPv4 header that claims 8 bytes', ethernet(IPV4, Buffer.concat([Buffer.from([0x42]), ipv4(tcp()).subarray(1)])), 'unreadable'],
    ['a TCP header that is longer than its packet', ethernet(IPV4, ipv4(tcp({ options: 40 }), { totalLength: 60 })), 'unreadable'],
    ['a TCP header that claims 4 bytes', ethernet(IPV4, ipv4(Buffer.concat([tcp().subarray(0, 12), Buffer.from([0x10, ACK]), tcp().subarray(14)]))), 'unreadable'],
  ])('counts and passes over %s', (_what, packet, counter) => {
    const before = maps.counters();
    expect(run(packet)).toEqual([]);
    expect(maps.counters()[counter]).toBe(before[counter] + 1);
  });

  it('says how much is missing when the packet is cut', () => {
    expect(run(ethernet(IPV4, ipv4(tcp(), { totalLength: 1000 })))).toMatchObject([{ payload: text, wireLength: 960 }]);
  });

  it.each([SYN, FIN, RST])('copies control bit %i without payload', (flag) => {
    expect(run(ethernet(IPV4, ipv4(tcp({ flags: flag | ACK, payload: Buffer.alloc(0) }))))).toMatchObject([{ payload: '', flags: flag | ACK }]);
  });

  it.each([1, 255, 256, 257, 1024, 1025, 2048, 3000])('copies a payload of %i bytes whole', (length) => {
    const payload = Buffer.alloc(length, 'abcdefg');
    expect(run(ethernet(IPV4, ipv4(tcp({ payload }))))).toMatchObject([{ payload: payload.toString() }]);
  });

  const toServer = ethernet(IPV4, ipv4(tcp({ sport: 40000, dport: 8080 })));
  const toClient = ethernet(IPV4, ipv4(tcp({ sport: 8080, dport: 40000 })));
  const bothTapped = ethernet(IPV4, ipv4(tcp({ sport: 443, dport: 8080 })));
  it.each<[ProgramName, number[], number[], number[]]>([
    ['tap_tc_ingress', [TO_SERVER], [], [TO_SERVER]],
    ['tap_tc_egress', [], [TO_CLIENT], [TO_CLIENT]],
    ['tap_tc_either', [TO_SERVER], [TO_CLIENT], [TO_CLIENT]],
    ['tap_cgroup_ingress', [TO_SERVER], [], [TO_SERVER]],
    ['tap_cgroup_egress', [], [TO_CLIENT], [TO_CLIENT]],
  ])('%s tells the direction by the port', (program, ofToServer, ofToClient, ofBoth) => {
    const directions = (packet: Buffer): number[] => {
      seen = [];
      return run(packet, program).map(({ direction }) => direction);
    };
    expect(directions(toServer)).toEqual(ofToServer);
    expect(directions(toClient)).toEqual(ofToClient);
    expect(directions(bothTapped)).toEqual(ofBoth);
  });
});
