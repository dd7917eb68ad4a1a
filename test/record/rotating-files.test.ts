import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FILE_FORMATS } from '../../src/record/file-format.ts';
import { RotatingFiles, type FileBounds } from '../../src/record/rotating-files.ts';
import { Folder } from './support.ts';

const KIB = 1024;
const BOUNDS = { maxBytes: 4 * KIB, maxFiles: 100, maxTotalBytes: 64 * KIB, rotateMs: 3_600_000 };

class Rig extends Folder {
  readonly counters = { recordedBytes: 0, recordFilesDeleted: 0 };

  writer(bounds: Partial<FileBounds> = {}, format: 'ndjson' | 'har' = 'ndjson', share = { index: 0, count: 1 }): RotatingFiles {
    return new RotatingFiles(FILE_FORMATS[format], { ...BOUNDS, path: this.file('x.log'), ...bounds }, share, this.counters);
  }

  total(): number {
    return this.sizes().reduce((sum, size) => sum + size, 0);
  }
}

const line = (bytes: number, letter = 'a'): Buffer => Buffer.from(`${letter.repeat(bytes - 1)}\n`);

async function write(files: RotatingFiles, ...records: Buffer[]): Promise<void> {
  for (let left = records; left.length > 0; ) left = left.slice(await files.append(left));
}

describe('rotating files', () => {
  it('begin the next one where a record does not fit', async () => {
    using rig = new Rig();
    const files = rig.writer();
    await write(files, line(3000), line(1000), line(1000), line(4096), line(1));
    await files.finish();
    expect(rig.sizes()).toEqual([4000, 1000, 4096, 1]);
    expect(rig.counters.recordedBytes).toBe(9097);
    expect(rig.names()[0]).toMatch(/^x-\d{8}T\d{9}Z-0-0\.log$/);
  });

  it('begin the next one when it is old, and end it without waiting for another record', async () => {
    using rig = new Rig();
    const files = rig.writer({ rotateMs: 400 });
    expect(files.isDue(performance.now() + 1e6)).toBe(false);
    await write(files, line(10));
    expect(files.isDue(performance.now())).toBe(false);
    await sleep(450);
    expect(files.isDue(performance.now())).toBe(true);
    await files.finish();
    await write(files, line(10), line(10));
    await sleep(450);
    await write(files, line(5));
    expect(rig.sizes()).toEqual([10, 20, 5]);
  });

  it.each([1, 3])('never exceed their total, tails included, at any moment: shared by %i', async (count) => {
    using rig = new Rig();
    const writers = Array.from({ length: count }, (_, index) => rig.writer({}, 'har', { index, count }));
    for (let i = 0; i < 200; i++) {
      await write(writers[i % count]!, Buffer.from(JSON.stringify({ i, x: 'x'.repeat((i * 97) % 3000) })));
      expect(rig.total()).toBeLessThanOrEqual(64 * KIB);
    }
    for (const writer of writers) await writer.finish();
    expect(rig.total()).toBeLessThanOrEqual(64 * KIB);
    expect(rig.total()).toBeGreaterThan(32 * KIB);
    expect(rig.counters.recordFilesDeleted).toBeGreaterThan(10);
    for (const name of rig.names()) expect(JSON.parse(rig.text(name))).toMatchObject({ log: { version: '1.2' } });
  });

  it('never are more than allowed; the oldest goes', async () => {
    using rig = new Rig();
    const files = rig.writer({ maxFiles: 3 });
    for (const letter of ['a', 'b', 'c', 'd', 'e']) {
      await write(files, line(3000, letter));
      expect(rig.names().length).toBeLessThanOrEqual(3);
    }
    await files.finish();
    expect(rig.names().map((name) => rig.text(name)[0])).toEqual(['c', 'd', 'e']);
  });

  it('of an earlier run count, whatever the number of writers was then; files of others are left alone', async () => {
    using rig = new Rig();
    for (const index of [0, 1, 2]) {
      const old = rig.writer({}, 'ndjson', { index, count: 3 });
      await write(old, line(4000), line(4000));
      await old.finish();
    }
    const others = ['x.log', 'x-1.log', 'x-y-20200101T000000000Z-0-0.log', 'x-20200101T000000000Z-0-0.har'];
    for (const name of others) rig.write(name, 'keep me');
    await sleep(20);
    const files = rig.writer({ maxTotalBytes: 16 * KIB });
    await write(files, line(4000));
    await files.finish();
    const names = rig.names().filter((name) => !others.includes(name));
    expect(names).toHaveLength(4);
    expect(names.at(-1)).toMatch(/-0-0\.log$/);
    for (const name of others) expect(rig.text(name)).toBe('keep me');
  });

  it('are for their owner alone, in a folder that is made', async () => {
    using rig = new Rig();
    const files = rig.writer({ path: rig.file('a/b/x.log') });
    await write(files, line(10));
    expect(statSync(rig.file('a/b')).mode & 0o777).toBe(0o700);
    const [name] = readdirSync(rig.file('a/b'));
    expect(statSync(rig.file(`a/b/${name!}`)).mode & 0o777).toBe(0o600);
    await files.finish();
  });

  it('do not follow what somebody put in their place', async () => {
    using rig = new Rig();
    const victim = rig.write('victim', 'untouched');
    const stamp = (ms: number): string => new Date(ms).toISOString().replace(/[-:.]/g, '');
    const now = Date.now();
    for (let ms = 0; ms < 2000; ms++) symlinkSync(victim, rig.file(`x-${stamp(now + ms)}-0-0.log`));
    const files = rig.writer({ maxFiles: 10_000 });
    await write(files, line(10));
    await files.finish();
    expect(rig.text('victim')).toBe('untouched');
    expect(rig.names().some((name) => /-0-1\.log$/.test(name))).toBe(true);
  });

  it('that cannot be written are an error, and are written again when they can', async () => {
    using rig = new Rig();
    rig.write('block', 'a file where a folder should be');
    const files = rig.writer({ path: rig.file('block/x.log') });
    await expect(write(files, line(10))).rejects.toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/) as string });
    await expect(write(files, line(10))).rejects.toThrow();
    rmSync(rig.file('block'));
    mkdirSync(rig.file('block'));
    await write(files, line(10));
    await files.finish();
    expect(statSync(rig.file('block')).isDirectory()).toBe(true);
  });

  it('take at most half of a share each, and say what fits', () => {
    using rig = new Rig();
    expect(rig.writer({ maxTotalBytes: 6 * KIB }).maxRecordBytes).toBe(3 * KIB);
    expect(rig.writer({ maxTotalBytes: 6 * KIB }, 'ndjson', { index: 0, count: 3 }).maxRecordBytes).toBe(KIB);
    expect(rig.writer({}, 'har').maxRecordBytes).toBeLessThan(4 * KIB);
    expect(rig.writer({ maxBytes: 2 ** 30, maxTotalBytes: 2 ** 40 }).maxRecordBytes).toBe(64 << 20);
  });
});
