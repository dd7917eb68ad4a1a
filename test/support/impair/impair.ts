import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeNamespace } from '../leftovers.ts';
import { run } from '../netns.ts';
import { Running } from '../process.ts';

/** What happens to TCP packets on a cable, in both directions; other packets pass unharmed. */
export interface Impairment {
  /** Shares of the packets, 0 to 1; 0 by default. */
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** The same seed makes the same decisions; 1 by default. */
  readonly seed?: number;
}

/** Sums over both directions. */
export interface ImpairCounts {
  readonly forwarded: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicated: number;
}

const SOURCE = fileURLToPath(new URL('./impair.c', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../../node_modules/.cache/shadowtap/impair', import.meta.url));

/**
 * Puts a forwarder between the two ends of what was one cable: the pod's far end moves into a namespace between pod and
 * bridge, from which a new cable leads to `port`.
 */
export async function impairCable(namespace: string, podEnd: string, port: string, impairment: Impairment): Promise<Impairer> {
  const program = build();
  run('ip', 'netns', 'add', namespace);
  try {
    const inside = (...args: string[]) => run('ip', 'netns', 'exec', namespace, ...args);
    inside('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
    run('ip', 'link', 'set', podEnd, 'netns', namespace, 'name', 'pod0');
    run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'bridge0', 'netns', namespace);
    // What enters the cable must be plain packets with their checksums: there is no hardware at its other end.
    run('ethtool', '-K', port, 'tso', 'off', 'gso', 'off', 'gro', 'off', 'tx', 'off');
    for (const name of ['pod0', 'bridge0']) inside('ip', 'link', 'set', name, 'up');
  } catch (error) {
    removeNamespace(namespace);
    throw error;
  }
  const { loss = 0, reorder = 0, duplicate = 0, seed = 1 } = impairment;
  const args = ['pod0', 'bridge0', loss, reorder, duplicate, seed].map(String);
  const impairer = new Impairer(namespace, new Running(['ip', 'netns', 'exec', namespace, program, ...args]));
  await impairer.ready();
  return impairer;
}

export class Impairer {
  readonly #namespace: string;
  readonly #process: Running;

  constructor(namespace: string, process: Running) {
    this.#namespace = namespace;
    this.#process = process;
  }

  /** Settles when packets pass. @throws if the forwarder did not start */
  async ready(): Promise<void> {
    const started = new Promise<boolean>((resolve) => this.#process.child.stdout?.once('data', () => resolve(true)));
    const ended = this.#process.finished.then(() => false);
    if (!(await Promise.race([started, ended]))) throw new Error(`impair: ${(await this.#process.finished).stderr}`);
  }

  /** Ends the forwarder: the cable is cut. @returns what it did */
  async stop(): Promise<ImpairCounts> {
    const { stdout } = await this.#process.stop();
    return JSON.parse(stdout.slice(stdout.indexOf('{'))) as ImpairCounts;
  }

  /** Takes the cable away. Idempotent. */
  remove(): void {
    removeNamespace(this.#namespace);
  }
}

/** Compiles the forwarder where it is missing or older than its source. */
function build(): string {
  if (existsSync(PROGRAM) && statSync(PROGRAM).mtimeMs > statSync(SOURCE).mtimeMs) return PROGRAM;
  mkdirSync(dirname(PROGRAM), { recursive: true });
  const partial = `${PROGRAM}.${process.pid}`;
  execFileSync('clang', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', partial, SOURCE], { stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(partial, PROGRAM);
  return PROGRAM;
}
