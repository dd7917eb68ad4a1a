import { loadPolicies } from '../config.ts';
import { readPemFiles } from '../config/pem-files.ts';
import { ShadowtapError } from '../errors.ts';
import { check } from '../policy/check.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { TARGET_URL } from '../policy/target-schema.ts';
import type { Io } from './io.ts';

export interface ReplayOptions {
  readonly to?: string;
  readonly policy?: string;
  readonly speed: string;
  readonly port?: readonly string[];
  readonly dryRun?: boolean;
}

/** Sends the requests of a capture or a recording to a mirror, or prints them. */
export async function replay(capture: string, options: ReplayOptions, io: Io): Promise<number> {
  const { to, policy, dryRun = false } = options;
  if (to === undefined && policy === undefined && !dryRun) {
    throw new ShadowtapError('USAGE', 'say where the requests go: give --to URL or --policy FILE, or --dry-run to print them');
  }
  if (policy !== undefined && to !== undefined) {
    throw new ShadowtapError('USAGE', '--policy: its targets get the requests; leave out --to');
  }
  const speed = speedOf(options.speed);
  const ports = (options.port ?? []).flatMap((list) => list.split(',')).map(portOf);
  if (to !== undefined) checkTarget(to);
  const policies = policy === undefined ? null : loadPolicies(policy).map(forAnyEndpoint);
  const pemFiles = readPemFiles(policies ?? []);
  const { replayCapture } = await import('../worker/replay.ts');
  return replayCapture({ capture, to: to ?? null, policies, pemFiles, speed, ports, dryRun, out: io.out, err: io.err });
}

/** A capture has no labels, so that a selector would leave all of it out. */
function forAnyEndpoint(policy: MirrorPolicy): MirrorPolicy {
  return { ...policy, spec: { ...policy.spec, selector: { matchLabels: {}, matchExpressions: [] } } };
}

/** @returns times the captured speed; Infinity for `max` */
function speedOf(text: string): number {
  if (text === 'max') return Infinity;
  const factor = /^([0-9]{1,6}(?:\.[0-9]{1,6})?)x?$/.exec(text)?.[1];
  if (factor !== undefined && Number(factor) > 0) return Number(factor);
  throw new ShadowtapError('USAGE', `--speed: ${JSON.stringify(text)} is not allowed; give a factor such as 1x, 0.5x or 10x, or max`);
}

function portOf(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new ShadowtapError('USAGE', `--port: ${JSON.stringify(text)} is not allowed; give a port number from 1 to 65535`);
}

function checkTarget(url: string): void {
  const { problems } = check(TARGET_URL, url);
  if (problems !== null) throw new ShadowtapError('USAGE', `--to: ${problems[0]!.message}`);
}
