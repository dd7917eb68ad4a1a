import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { replayCapture } from '../../src/worker/replay.ts';
import { Shop } from './processes.ts';

/** Traffic of this demo, captured on v1's interface. */
const CAPTURE = fileURLToPath(new URL('./traffic.pcap', import.meta.url));

/**
 * What can be shown without BPF: the same line over a capture file, with a mirror on this machine's loopback.
 * @param reason why the live demo cannot run here
 */
export async function replayDemo(reason: string): Promise<boolean> {
  process.stdout.write(`The live demo cannot run here: ${reason}.\n(\`shadowtap doctor\` says what to do.) Instead, the same line over a capture file:\n\n`);
  const mirror = await Shop.start('v2', '127.0.0.1', 0);
  const err = new PassThrough();
  const summary = text(err);
  await replayCapture({ capture: CAPTURE, to: mirror.url, policies: null, speed: Infinity, ports: [], dryRun: false, out: process.stdout, err });
  err.end();
  const { received } = await mirror.fingerprint();
  process.stdout.write(`${await summary}The mirror at ${mirror.url} received ${received} requests.\n`);
  return received > 0;
}
