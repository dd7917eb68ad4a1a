import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { replayCapture } from '../../src/worker/replay.ts';
import { Shop } from './processes.ts';

/** Traffic of this demo, captured on v1's interface. */
const CAPTURE = fileURLToPath(new URL('./traffic.pcap', import.meta.url));
const PORT = 18_080;

/**
 * What can be shown without BPF: the same line over a capture file, with a mirror on this machine's loopback.
 * @param reason why the live demo cannot run here
 */
export async function replayDemo(reason: string): Promise<boolean> {
  process.stdout.write(`The live demo cannot run here: ${reason}.\n(\`shadowtap doctor\` says what to do.) Instead, the same line over a capture file:\n\n`);
  const mirror = await Shop.start('v2', '127.0.0.1', PORT);
  try {
    const err = new PassThrough();
    const summary = text(err);
    const to = `http://127.0.0.1:${PORT}`;
    await replayCapture({ capture: CAPTURE, to, policies: null, speed: Infinity, ports: [], dryRun: false, out: process.stdout, err });
    err.end();
    const { received } = await mirror.fingerprint();
    process.stdout.write(`${await summary}The mirror at ${to} received ${received} requests.\n`);
    return received > 0;
  } finally {
    await mirror.stop();
  }
}
