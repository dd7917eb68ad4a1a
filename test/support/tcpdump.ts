import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Running } from './process.ts';

/**
 * Packets arrive at once (`--immediate-mode`) and are written at once (`-U`). In this mode each takes a slot of the whole
 * snapshot length: with tcpdump's own lengths eight packets fill its memory, and the next is lost if tcpdump has no
 * processor just then. Slots that hold the largest packet, 65,535 bytes and its link layer header, leave room for 500.
 */
const ARGS = ['--immediate-mode', '-U', '-s', '65600', '-B', '32768', '-Z', 'root'];

/** What tcpdump captures on a device, from when `start` has settled to `stop`. */
export class Tcpdump implements AsyncDisposable {
  readonly path: string;
  readonly #process: Running;

  /** @param run starts the command line where it shall capture @param path the file that it writes */
  static async start(run: (command: string, args: readonly string[]) => Running, path: string, device: string, ...filter: string[]): Promise<Tcpdump> {
    const process = run('tcpdump', [...ARGS, '-i', device, '-w', path, ...filter]);
    const tcpdump = new Tcpdump(process, path);
    // What it says on standard error comes too early: before the filter, whose setting throws packets away. The file comes after.
    await expect.poll(() => tcpdump.#size(), { timeout: 10_000 }).toBeGreaterThan(0);
    return tcpdump;
  }

  private constructor(process: Running, path: string) {
    this.#process = process;
    this.path = path;
  }

  /** Ends it when it has written all packets that came until now. @throws if it lost any */
  async stop(): Promise<void> {
    for (let quiet = 0, before = -1; quiet < 3; await sleep(100)) {
      // It sleeps only where no packet waits for it.
      const state = readFileSync(`/proc/${this.#process.pid}/stat`, 'latin1').split(') ')[1]?.[0];
      const size = this.#size();
      quiet = state === 'S' && size === before ? quiet + 1 : 0;
      before = size;
    }
    const { stderr } = await this.#process.stop();
    if (!stderr.includes('\n0 packets dropped by kernel')) throw new Error(`the capture is not whole: ${stderr.trim()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }

  #size(): number {
    return existsSync(this.path) ? statSync(this.path).size : 0;
  }
}
