import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureFile } from '../../../src/tap/capture/capture-file.ts';
import { FrameDecoder } from '../../../src/tap/frame/decoder.ts';
import { OK } from '../../../src/tap/frame/status.ts';
import { Segment } from '../../../src/tap/segment.ts';
import { Folder } from './captures.ts';

/**
 * Real captures, if they are on this machine, with tshark as the judge: which frames hold a TCP segment, and how many bytes
 * of payload has it? With CI=true their absence is a failure.
 */
const CORPUS = join(process.env['SHADOWTAP_CORPUS'] ?? join(import.meta.dirname, '../../../../shared/corpus'), 'dev');

/** Frames on which we differ from tshark, and why. */
const DIFFERENCES: Readonly<Record<string, { readonly frames: number; readonly reason: string }>> = {
  'ndpi/default__pcap__fuzz-2006-09-29-28586.pcap': { frames: 3, reason: 'TCP headers whose data offset points out of the packet: no receiver takes them' },
  'suricata-verify/bug-76__input.pcap': { frames: 1, reason: 'a TCP header whose data offset points out of the packet' },
  'suricata-verify/transform-base64-7296__input.pcap': { frames: 2, reason: 'TCP headers whose data offset points out of the packet' },
  'suricata-verify/drop-protocol-change__input.pcap': { frames: 1, reason: 'a TCP header whose data offset is below five words' },
  'zeek/ipv4__fragmented-4.pcap': { frames: 1, reason: 'a datagram with overlapping fragments, which Linux drops' },
  'zeek/tunnels__ayiya3.pcap': { frames: 21, reason: 'AYIYA tunnels (over UDP, out of use since 2017) are not looked into' },
};

/** tshark also reports TCP headers that these protocols quote. */
const QUOTING = /:(icmp|icmpv6|sflow)\b/;

function missing(): string | null {
  if (!existsSync(join(CORPUS, 'index.json'))) return `there are no captures in ${CORPUS}`;
  try {
    for (const tool of ['tshark', 'mergecap']) execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'tshark and mergecap are not installed';
  }
}

const reason = missing();
if (reason !== null && process.env['CI'] === 'true') throw new Error(`the corpus test must run with CI=true, but ${reason}`);
if (reason !== null) console.error(`corpus test of the capture reader skipped: ${reason}`);

interface Verdict {
  readonly frames: number;
  /** Payload bytes of each frame that holds a segment, by frame number from 1. */
  readonly segments: ReadonlyMap<number, number>;
  readonly warning: string | null;
}

async function ours(path: string): Promise<Verdict> {
  const file = await CaptureFile.open(path);
  const decoder = new FrameDecoder();
  const segment = new Segment();
  const segments = new Map<number, number>();
  let frames = 0;
  try {
    do {
      while (file.next()) {
        const { data, start, end, wireLength, timeUs, linkType } = file.packet;
        frames++;
        segment.timeUs = timeUs;
        if (decoder.decode(data, start, end, wireLength, linkType, segment) !== OK) continue;
        const isCut = wireLength > end - start;
        segments.set(frames, isCut ? segment.wireLength : segment.end - segment.start);
      }
    } while (await file.refill());
  } finally {
    await file.close();
  }
  return { frames, segments, warning: file.warning };
}

/** tshark's answer for many captures at once: they are put one behind the other. */
function tshark(paths: readonly string[], merged: string): Map<number, number> {
  execFileSync('mergecap', ['-a', '-w', merged, ...paths], { stdio: ['ignore', 'ignore', 'pipe'] });
  const settings = ['tcp.desegment_tcp_streams:FALSE', 'tcp.analyze_sequence_numbers:FALSE'].flatMap((text) => ['-o', text]);
  const fields = ['frame.number', 'tcp.len', 'frame.protocols'].flatMap((name) => ['-e', name]);
  const arguments_ = ['-n', '-r', merged, ...settings, '-Y', 'tcp', '-T', 'fields', ...fields, '-E', 'occurrence=l'];
  const lines = execFileSync('tshark', arguments_, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
  const segments = new Map<number, number>();
  for (const line of lines.trimEnd().split('\n')) {
    const [number = '', length = '', protocols = ''] = line.split('\t');
    if (!QUOTING.test(protocols)) segments.set(Number(number), Number(length));
  }
  return segments;
}

describe.skipIf(reason !== null)('the captures of the corpus', () => {
  const folder = new Folder();
  const verdicts = new Map<string, Verdict>();

  beforeAll(async () => {
    const { index } = JSON.parse(readFileSync(join(CORPUS, 'index.json'), 'utf8')) as { index: { file: string }[] };
    for (const { file } of index) verdicts.set(file, await ours(join(CORPUS, file)));
  }, 60_000);
  afterAll(() => folder.remove());

  it('are all read, one of them up to where it is damaged', () => {
    const warnings = [...verdicts].filter(([, { warning }]) => warning !== null);
    expect(verdicts.size).toBeGreaterThan(600);
    expect(warnings.map(([, { warning }]) => warning)).toEqual([expect.stringContaining('is damaged at byte 65631')]);
    expect([...verdicts.values()].every(({ frames }) => frames > 0)).toBe(true);
  });

  it('have their TCP segments where tshark finds them, with payloads of the same length', () => {
    const files = [...verdicts.keys()].filter((file) => verdicts.get(file)!.warning === null);
    const theirs = tshark(files.map((file) => join(CORPUS, file)), folder.write('', 'merged.pcapng'));
    const differences: Record<string, number> = {};
    let before = 0;
    for (const file of files) {
      const { frames, segments } = verdicts.get(file)!;
      for (let number = 1; number <= frames; number++) {
        if (segments.get(number) !== theirs.get(before + number)) differences[file] = (differences[file] ?? 0) + 1;
      }
      before += frames;
    }
    expect(differences).toEqual(Object.fromEntries(Object.entries(DIFFERENCES).map(([file, { frames }]) => [file, frames])));
  }, 120_000);
});
