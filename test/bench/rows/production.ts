import type { Row } from '../context.ts';
import { ALONE, MIRRORING, OBSERVING, type Contender } from '../contenders.ts';
import { promise, remark, short, type Figure } from '../figures.ts';
import { median, pairedRatio } from '../statistics.ts';
import type { Trial } from '../trial.ts';

/** An interval whose ends are farther apart than this would let a real loss pass for noise. */
const TOO_WIDE = 1.5;

const CONTENDERS: readonly Contender[] = [ALONE, OBSERVING, MIRRORING];

interface Measurements {
  readonly steady: Trial[];
  readonly flatOut: Trial[];
}

/**
 * What production notices: rounds of production alone, beside an agent that only observes, and beside one that mirrors
 * everything to a pod on the same machine. Flat out there is no idle CPU left, so whatever the agent and the mirror use
 * is taken from production and its clients: that figure is about the machine's size, the one at a fixed rate about us.
 */
export const PRODUCTION: Row = {
  name: 'production',
  async measure(bench) {
    const taken = new Map<Contender, Measurements>(CONTENDERS.map((contender) => [contender, { steady: [], flatOut: [] }]));
    for (let pair = 0; pair < bench.effort.pairs; pair++) {
      bench.say(`round ${pair + 1} of ${bench.effort.pairs}`);
      // Forth and back, so that what slowly changes on the machine favours nobody.
      for (const contender of pair % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed()) {
        await using running = await bench.start(contender);
        taken.get(contender)!.steady.push(await bench.trial(contender, running, { ...bench.steadyGet, count: bench.effort.count / 3 }));
        taken.get(contender)!.flatOut.push(await bench.trial(contender, running, { ...bench.flatOut, seconds: Math.ceil(bench.effort.seconds / 2) }));
      }
    }
    const alone = taken.get(ALONE)!;
    return [OBSERVING, MIRRORING].flatMap((contender) => {
      const beside = taken.get(contender)!;
      return [
        compare(`p99 at 2,000/s, ${contender.name}`, alone.steady, beside.steady, 'p99Ms', 'ms', 'no higher'),
        compare(`p50 at 2,000/s, ${contender.name}`, alone.steady, beside.steady, 'p50Ms', 'ms', ''),
        compare(`server CPU a request at 2,000/s, ${contender.name}`, alone.steady, beside.steady, 'serverCpuUs', 'µs', ''),
        compare(`throughput flat out, ${contender.name}`, alone.flatOut, beside.flatOut, 'perSecond', '/s', 'no lower'),
        compare(`p99 flat out, ${contender.name}`, alone.flatOut, beside.flatOut, 'p99Ms', 'ms', ''),
        compare(`server CPU a request flat out, ${contender.name}`, alone.flatOut, beside.flatOut, 'serverCpuUs', 'µs', ''),
      ];
    });
  },
};

type Quantity = 'p50Ms' | 'p99Ms' | 'perSecond' | 'serverCpuUs';

/** @param limit what the interval must not exclude; empty where nothing was promised */
function compare(what: string, off: readonly Trial[], on: readonly Trial[], quantity: Quantity, unit: string, limit: 'no higher' | 'no lower' | ''): Figure {
  const [offValues, onValues] = [off.map((trial) => trial[quantity]), on.map((trial) => trial[quantity])];
  const { ratio, low, high, pairs } = pairedRatio(offValues, onValues);
  const measured = `${short(median(offValues))} → ${short(median(onValues))} ${unit}: × ${ratio.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)}, ${pairs} pairs)`;
  if (limit === '') return remark('production', what, measured);
  const kept = limit === 'no higher' ? low <= 1 : high >= 1;
  return promise('production', what, measured, `${limit}, within noise`, !kept ? 'no' : high / low > TOO_WIDE ? 'unclear' : 'yes');
}
