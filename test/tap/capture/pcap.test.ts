import { afterAll, describe, expect, it } from 'vitest';
import { bytes } from '../frame/frames.ts';
import { BIG, Folder, LITTLE, readAll } from './captures.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const ONE = Buffer.from('first frame');
const TWO = Buffer.from('second');

describe('PcapParser', () => {
  it.each([['little', LITTLE], ['big', BIG]] as const)('reads %s endian files', async (_name, order) => {
    const path = folder.write(bytes(order.pcapHeader(1), order.pcapRecord(ONE, 1_700_000_000, 250_001), order.pcapRecord(TWO, 1_700_000_001, 2, 900)));
    expect(await readAll(path)).toEqual({
      packets: [
        { frame: 'first frame', wireLength: 11, timeUs: 1_700_000_000_250_001, linkType: 1 },
        { frame: 'second', wireLength: 900, timeUs: 1_700_000_001_000_002, linkType: 1 },
      ],
      warning: null,
    });
  });

  it('reads nanoseconds', async () => {
    const path = folder.write(bytes(BIG.pcapHeader(113, 0xa1b23c4d), BIG.pcapRecord(ONE, 1_700_000_000, 123_456_789)));
    expect((await readAll(path)).packets).toMatchObject([{ timeUs: 1_700_000_000_123_456, linkType: 113 }]);
  });

  it('reads the variant with larger record headers', async () => {
    const record = bytes(LITTLE.u32(1), LITTLE.u32(2), LITTLE.u32(ONE.length), LITTLE.u32(ONE.length), Buffer.alloc(8), ONE);
    expect((await readAll(folder.write(bytes(LITTLE.pcapHeader(1, 0xa1b2cd34), record)))).packets).toMatchObject([{ frame: 'first frame' }]);
  });

  it('ignores the check sequence length above the link type', async () => {
    expect((await readAll(folder.write(bytes(LITTLE.pcapHeader(0xf0000001), LITTLE.pcapRecord(ONE, 1, 2))))).packets).toMatchObject([{ linkType: 1 }]);
  });

  it('is content with a file without packets', async () => {
    expect(await readAll(folder.write(LITTLE.pcapHeader(1)))).toEqual({ packets: [], warning: null });
  });

  it('delivers what is before a record that was cut, wherever it was cut, and says so', async () => {
    const whole = bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(ONE, 1, 2), LITTLE.pcapRecord(TWO, 1, 2));
    for (let cut = 1; cut < 16 + TWO.length; cut++) {
      const { packets, warning } = await readAll(folder.write(whole.subarray(0, whole.length - cut), 'cut.pcap'));
      expect(packets).toHaveLength(1);
      expect(warning).toMatch(/cut\.pcap ends within a packet/);
    }
  });

  it('delivers what is before damage and names the place', async () => {
    const good = bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(ONE, 1, 2));
    const path = folder.write(bytes(good, LITTLE.pcapRecord(TWO, 1, 2, 4, 0x7fffffff), Buffer.alloc(100)));
    const { packets, warning } = await readAll(path);
    expect(packets).toHaveLength(1);
    expect(warning).toBe(`${path} is damaged at byte ${good.length}: a packet of 2147483647 bytes; cut the file there, for example with \`editcap\``);
  });

  it('refuses a file that is damaged from the start', async () => {
    const path = folder.write(bytes(LITTLE.pcapHeader(1), LITTLE.pcapRecord(TWO, 1, 2, 4, 0xffffffff)));
    await expect(readAll(path)).rejects.toMatchObject({ code: 'CAPTURE_FILE' });
  });

  it('reads frames and files larger than its buffer', async () => {
    const large = Buffer.alloc(700_000, 'x');
    const records = Array.from({ length: 6 }, (_, i) => LITTLE.pcapRecord(i % 2 === 0 ? large : ONE, i, 0));
    const { packets } = await readAll(folder.write(bytes(LITTLE.pcapHeader(1), ...records)));
    expect(packets.map(({ frame }) => frame.length)).toEqual([700_000, 11, 700_000, 11, 700_000, 11]);
    expect(packets[4]!.frame).toBe(large.toString());
  });
});

describe('CaptureFile', () => {
  it.each([
    ['an empty file', ''],
    ['a text', 'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    ['half a header', LITTLE.pcapHeader(1).subarray(0, 12)],
  ])('refuses %s', async (_name, content) => {
    const path = folder.write(content);
    await expect(readAll(path)).rejects.toMatchObject({ code: 'CAPTURE_FILE', message: `${path} is not a capture file: expected pcap or pcapng, as tcpdump and Wireshark write it, or a recording` });
  });

  it('says that a compressed file must be unpacked', async () => {
    const path = folder.write(bytes(0x1f, 0x8b, 8, Buffer.alloc(40)));
    await expect(readAll(path)).rejects.toMatchObject({ message: `${path} is not a capture file: it is gzip: unpack it first` });
  });

  it('names a file that is not there', async () => {
    await expect(readAll('/no/such.pcap')).rejects.toMatchObject({ code: 'CAPTURE_FILE', message: expect.stringContaining('/no/such.pcap') as string });
  });

  it('names a folder as what cannot be read', async () => {
    await expect(readAll(folder.path)).rejects.toMatchObject({ code: 'CAPTURE_FILE', message: expect.stringContaining('EISDIR') as string });
  });
});
