import type { TapChoice } from '../config/agent-schema.ts';
import { ShadowtapError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { EbpfTap } from '../tap/ebpf/ebpf-tap.ts';
import { chooseTap, probeNode, type TapName } from '../tap/ebpf/probe.ts';
import { PcapTap } from '../tap/pcap/pcap-tap.ts';
import type { Tap } from '../tap/tap.ts';
import { isPod, type Whereabouts } from './locator.ts';

export interface TapSizes {
  /** One for each worker. */
  readonly rings: number;
  readonly ringBytes: number;
}

interface Placed {
  readonly where: Whereabouts;
}

/**
 * Starts the tap that was asked for, or with `auto` the best that this node and these endpoints allow.
 * @throws ShadowtapError TAP_UNAVAILABLE or TAP_LOAD
 */
export async function startTap(choice: TapChoice, sizes: TapSizes, endpoints: readonly Placed[], log: Logger): Promise<Tap> {
  const tap = makeTap(choice === 'auto' ? bestTap(endpoints, log) : choice, sizes, log);
  await tap.start();
  return tap;
}

function bestTap(endpoints: readonly Placed[], log: Logger): TapName {
  const { reason, considered } = chooseTap(probeNode());
  // A tap on cgroups needs to be told the cgroup of every endpoint.
  const haveCgroups = endpoints.every(({ where }) => isPod(where) || where.cgroup !== undefined || where.pid !== undefined);
  const best = considered.find(({ tap, ok }) => ok && (tap !== 'ebpf:cgroup' || haveCgroups));
  if (best === undefined) throw new ShadowtapError('TAP_UNAVAILABLE', `${reason}; \`shadowtap doctor\` says what to do`);
  log.info({ tap: best.tap, considered }, 'tap chosen');
  return best.tap;
}

function makeTap(name: TapName, sizes: TapSizes, log: Logger): Tap {
  switch (name) {
    case 'ebpf:tcx':
      return new EbpfTap({ mode: 'tcx', ...sizes });
    case 'ebpf:cgroup':
      return new EbpfTap({ mode: 'cgroup', ...sizes });
    case 'ebpf:clsact':
      return new EbpfTap({ mode: 'clsact', ...sizes });
    case 'pcap':
      return revivedPcapTap(sizes, log);
  }
}

/** Its process is outside ours and may be killed: it is started again for as long as the tap is in use. */
function revivedPcapTap(sizes: TapSizes, log: Logger): PcapTap {
  const revive = (): void => {
    if (tap.sources.length === 0) return;
    tap.start().catch((error: unknown) => {
      log.error({ err: error }, 'the capturing process does not start; trying again');
      setTimeout(revive, REVIVE_MS).unref();
    });
  };
  const tap = new PcapTap({
    ...sizes,
    onFailure: (error) => {
      log.error({ err: error }, 'the capturing process ended; starting another');
      setTimeout(revive, REVIVE_MS).unref();
    },
  });
  return tap;
}

const REVIVE_MS = 1000;
