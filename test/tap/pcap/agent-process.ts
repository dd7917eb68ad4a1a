/** An agent that does nothing but own a pcap tap: says the pid of its capturing process and waits to be killed. */
import { PcapTap } from '../../../src/tap/pcap/pcap-tap.ts';

const tap = new PcapTap({ rings: 1 });
await tap.start();
process.stdout.write(`${tap.pid}\n`);
setInterval(() => {}, 1000);
