/**
 * The main job on real traffic, in one command: two pods (network namespaces with a version of a small shop each),
 * real clients, the agent with its tap on v1's interface, and v2 receiving the copies.
 */
import { parseArgs } from 'node:util';
import { chooseTap, probeNode, type NodeAbilities } from '../../src/tap/ebpf/probe.ts';
import { end, endWhenInterrupted } from './lifetime.ts';
import { liveDemo, type DemoOptions } from './live-demo.ts';
import { replayDemo } from './replay-demo.ts';

const USAGE = `usage: npm run demo [-- options]
  --seconds N   how long production runs, 6 to 3600 (default 15); the tap is off and on by turns, twice
  --rate N      requests a second (default 500)
  --keep        leave the pods and the agent running at the end, until Ctrl-C
  --page        show the agent's page in a browser from the beginning, and leave everything running as --keep does
`;

function readOptions(): DemoOptions {
  try {
    const { values } = parseArgs({
      options: { seconds: { type: 'string', default: '15' }, rate: { type: 'string', default: '500' }, keep: { type: 'boolean', default: false }, page: { type: 'boolean', default: false }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const number = (name: string, text: string, least: number, most: number): number => {
      const value = Number(text);
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      throw new Error(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
    };
    return { seconds: number('seconds', values.seconds, 6, 3600), rate: number('rate', values.rate, 1, 20_000), keep: values.keep || values.page, page: values.page };
  } catch (error) {
    return end(2, `demo: ${error instanceof Error ? error.message : String(error)}\n${USAGE.trimEnd()}`);
  }
}

/** Why no BPF tap works here, and what to do about it. */
function whatIsMissing({ root, libbpf, object, load, tcx, cgroup, clsact }: NodeAbilities): string {
  const first = [libbpf, object, load, tcx, cgroup, clsact].find(({ ok }) => !ok);
  const what = first === undefined ? 'no BPF tap works' : `${first.why}; ${first.remedy}`;
  return root ? what : `not run as root; ${what}`;
}

endWhenInterrupted();
const options = readOptions();
const abilities = probeNode();
const choice = chooseTap(abilities);
const succeeded = choice.tap?.startsWith('ebpf') === true ? await liveDemo(options) : await replayDemo(whatIsMissing(abilities));
end(succeeded ? 0 : 1);
