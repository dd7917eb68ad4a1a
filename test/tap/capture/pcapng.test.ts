import { afterAll, describe, expect, it } from 'vitest';
import { bytes } from '../frame/frames.ts';
import { BIG, Folder, LITTLE, readAll } from './captures.ts';

const folder = new Folder();
afterAll(() => folder.remove());

const FRAME = Buffer.from('a frame');
const NANOSECONDS = 1_700_000_000_123_456_789n;
const MICROSECONDS = 1_700_000_000_123_456n;

function halves(units: bigint): [number, number] {
  return [Number(units >> 32n), Number(units & 0xffffffffn)];
}

async function read(...parts: Buffer[]) {
  return readAll(folder.write(bytes(...parts)));
}

describe('PcapngParser', () => {
  it.each([['little', LITTLE], ['big', BIG]] as const)('reads %s endian sections', async (_name, order) => {
    const { packets, warning } = await read(order.section(), order.describe(1), order.enhanced(FRAME, ...halves(MICROSECONDS), 0, 1500));
    expect(packets).toEqual([{ frame: 'a frame', wireLength: 1500, timeUs: Number(MICROSECONDS), linkType: 1 }]);
    expect(warning).toBeNull();
  });

  it('reads sections of different byte order one after the other, each with its own interfaces', async () => {
    const { packets } = await read(
      LITTLE.section(), LITTLE.describe(1), LITTLE.enhanced(FRAME, 0, 1),
      BIG.section(), BIG.describe(101), BIG.describe(113), BIG.enhanced(FRAME, 0, 2, 1), BIG.enhanced(FRAME, 0, 3, 0),
    );
    expect(packets.map(({ linkType, timeUs }) => [linkType, timeUs])).toEqual([[1, 1], [113, 2], [101, 3]]);
  });

  it('reads simple and obsolete packet blocks', async () => {
    const { packets } = await read(
      LITTLE.section(), LITTLE.describe(1, Buffer.alloc(0), 4), LITTLE.obsolete(FRAME, 0, 77), LITTLE.simple(FRAME), LITTLE.simple(FRAME.subarray(0, 3)),
    );
    expect(packets).toEqual([
      { frame: 'a frame', wireLength: 7, timeUs: 77, linkType: 1 },
      { frame: 'a fr', wireLength: 7, timeUs: 77, linkType: 1 },
      { frame: 'a f', wireLength: 3, timeUs: 77, linkType: 1 },
    ]);
  });

  it('obeys the resolution of the time stamps: powers of ten and of two', async () => {
    const times = async (code: number, units: bigint): Promise<number> => {
      const { packets } = await read(LITTLE.section(), LITTLE.describe(1, LITTLE.option(9, Buffer.from([code]))), LITTLE.enhanced(FRAME, ...halves(units)));
      return packets[0]!.timeUs;
    };
    expect(Math.abs((await times(9, NANOSECONDS)) - Number(MICROSECONDS))).toBeLessThanOrEqual(1);
    expect(await times(3, 1_700_000_000_123n)).toBe(1_700_000_000_123_000);
    expect(await times(0, 1_700_000_000n)).toBe(1_700_000_000_000_000);
    expect(await times(0x80 | 10, 1_700_000_000n * 1024n + 512n)).toBe(1_700_000_000_500_000);
  });

  it('adds the offset of the time stamps', async () => {
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(-100n);
    const { packets } = await read(LITTLE.section(), LITTLE.describe(1, LITTLE.option(14, offset)), LITTLE.enhanced(FRAME, 0, 200_000_001));
    expect(packets[0]!.timeUs).toBe(100_000_001);
  });

  it('passes over blocks that it does not know, however large', async () => {
    const { packets } = await read(
      LITTLE.section(), LITTLE.describe(1), LITTLE.block(0xbad, Buffer.alloc(3_000_000)), LITTLE.enhanced(FRAME, 0, 1), LITTLE.block(5, Buffer.alloc(8)),
    );
    expect(packets).toHaveLength(1);
  });

  it('ends options at their end mark and does not read beyond the block', async () => {
    const cut = bytes(LITTLE.u16(9), LITTLE.u16(60000));
    const ended = bytes(LITTLE.u32(0), LITTLE.option(9, Buffer.from([3])));
    for (const options of [cut, ended]) {
      const { packets } = await read(LITTLE.section(), LITTLE.describe(1, options), LITTLE.enhanced(FRAME, 0, 5));
      expect(packets[0]!.timeUs).toBe(5);
    }
  });

  describe('delivers what is before damage and says what is wrong', () => {
    const good = bytes(LITTLE.section(), LITTLE.describe(1), LITTLE.enhanced(FRAME, 0, 1));
    it.each([
      ['a block shorter than its own frame', LITTLE.block(6, Buffer.alloc(20), 8), /a block of 8 bytes/],
      ['a block of odd length', LITTLE.block(6, Buffer.alloc(20), 33), /a block of 33 bytes/],
      ['a packet larger than its block', LITTLE.enhanced(FRAME, 0, 1, 0, 100, 100), /a packet of 100 bytes in a block of 40/],
      ['a packet of an interface that is not there', LITTLE.enhanced(FRAME, 0, 1, 3), /interface 3, which is not described/],
      ['a packet block of a gigabyte', LITTLE.block(6, Buffer.alloc(20), 1 << 30), /a packet block of 1073741824 bytes/],
      ['a packet block without a header', LITTLE.block(6, Buffer.alloc(4)), /a packet block that is too short/],
      ['an interface description without a header', LITTLE.block(1, Buffer.alloc(4)), /an interface description that is too short/],
      ['a section of unknown byte order', LITTLE.block(0x0a0d0d0a, Buffer.alloc(16)), /a section without byte-order magic/],
    ])('%s', async (_name, block, message) => {
      const path = folder.write(bytes(good, block, Buffer.alloc(64)));
      const { packets, warning } = await readAll(path);
      expect(packets).toHaveLength(1);
      expect(warning).toMatch(message);
      expect(warning).toContain(`damaged at byte ${good.length}`);
    });
  });

  it('says that a file ends within a block', async () => {
    const whole = bytes(LITTLE.section(), LITTLE.describe(1), LITTLE.enhanced(FRAME, 0, 1), LITTLE.enhanced(FRAME, 0, 1));
    const { packets, warning } = await readAll(folder.write(whole.subarray(0, -5)));
    expect(packets).toHaveLength(1);
    expect(warning).toMatch(/ends within a packet/);
  });
});
