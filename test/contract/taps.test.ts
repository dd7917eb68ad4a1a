import { EbpfTap, type AttachMode } from '../../src/tap/ebpf/ebpf-tap.ts';
import { PcapTap } from '../../src/tap/pcap/pcap-tap.ts';
import { bpfObject } from '../support/kernel.ts';
import { describeTapContract } from './tap-contract.ts';

const NO_NAMESPACE = { netns: '/run/netns/st-no-such-namespace' };

describeTapContract('pcap', {
  make: (options) => new PcapTap(options),
  locate: ({ netns }) => ({ netns }),
  nowhere: NO_NAMESPACE,
});

for (const mode of ['tcx', 'clsact', 'cgroup'] satisfies AttachMode[]) {
  describeTapContract(`ebpf:${mode}`, {
    make: (options) => new EbpfTap({ mode, objectPath: bpfObject(), ...options }),
    locate: ({ netns }, { path }) => (mode === 'cgroup' ? { cgroup: path } : { netns }),
    nowhere: mode === 'cgroup' ? { cgroup: '/sys/fs/cgroup/st-no-such-cgroup' } : NO_NAMESPACE,
  });
}
