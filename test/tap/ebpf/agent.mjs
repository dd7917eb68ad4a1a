// An agent that only taps, to be killed: `agent.mjs <EbpfTap options> <endpoint>`, both JSON. Prints "attached".
import { EbpfTap } from '../../../src/tap/ebpf/ebpf-tap.ts';

const [options, endpoint] = process.argv.slice(2).map((text) => JSON.parse(text));
const tap = new EbpfTap(options);
await tap.start();
await tap.attach(endpoint);
process.stdout.write('attached\n');
setInterval(() => {}, 60_000);
