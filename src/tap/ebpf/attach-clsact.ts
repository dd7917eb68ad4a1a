import { inNetns } from './netns.ts';
import type { Attachment, ProgramFd, TcHook } from './attach.ts';
import { BPF_TC_EGRESS, BPF_TC_INGRESS, EEXIST, ENODEV, ENOENT, KernelError, libbpf, routeRequest, tcHook, tcOpts, withLibbpfLog } from './libbpf.ts';

/**
 * Filters on the clsact qdisc, Linux 4.5 and newer: for kernels without tcx whose pods are in no cgroup v2.
 *
 * Unlike links they stay when the process ends. All of ours, and only ours, have this priority, so those that a killed
 * agent left behind can be found: they are removed when we attach to an interface on which we have none. The qdisc itself is
 * never removed, because others may use it; without filters it costs nothing.
 */
export const CLSACT_PRIORITY = 51966;

/** Call it in the namespace of the hooks. Handles are per endpoint, so that endpoints can share an interface. */
export function attachClsact(hooks: readonly TcHook[], handle: number, programFd: ProgramFd): Attachment {
  const attached: TcHook[] = [];
  const detachAll = (): void => {
    for (const hook of attached.splice(0)) {
      ignoring([ENOENT, ENODEV], () =>
        libbpf().bpf_tc_detach(tcHook(hook.ifindex, attachPoint(hook)), tcOpts(0, handle, CLSACT_PRIORITY)),
      );
    }
  };
  try {
    for (const hook of hooks) {
      const at = tcHook(hook.ifindex, attachPoint(hook));
      ignoring([EEXIST], () => libbpf().bpf_tc_hook_create(at));
      libbpf().bpf_tc_attach(at, tcOpts(programFd(hook.program), handle, CLSACT_PRIORITY));
      attached.push(hook);
    }
  } catch (error) {
    detachAll();
    throw error;
  }
  return {
    detach: (netns) => {
      if (attached.length === 0) return;
      try {
        inNetns(netns, () => withLibbpfLog(detachAll));
      } catch {
        // The namespace is gone, and the filters with it.
        attached.length = 0;
      }
    },
  };
}

function attachPoint(hook: TcHook): number {
  return hook.ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

const NLMSG_HEADER_BYTES = 16;
const TCMSG_BYTES = 20;
const NLMSG_ERROR = 2;
const RTM_DELTFILTER = 45;
const NLM_F_REQUEST = 0x01;
const NLM_F_ACK = 0x04;
const ETH_P_ALL = 0x0003;
/** The two hooks of a clsact qdisc as a filter's parent, linux/pkt_sched.h. */
const CLSACT_INGRESS = 0xffff_fff2;
const CLSACT_EGRESS = 0xffff_fff3;

/**
 * Removes every filter of our priority from both sides of an interface. Call it in the interface's namespace.
 * One RTM_DELTFILTER without a handle takes away all of a priority (rtnetlink(7)).
 */
export function removeOurFilters(ifindex: number): void {
  for (const parent of [CLSACT_INGRESS, CLSACT_EGRESS]) {
    const message = Buffer.alloc(NLMSG_HEADER_BYTES + TCMSG_BYTES);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(RTM_DELTFILTER, 4);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
    message.writeInt32LE(ifindex, NLMSG_HEADER_BYTES + 4);
    message.writeUInt32LE(parent, NLMSG_HEADER_BYTES + 12);
    // tcm_info: priority, and the protocol in network byte order.
    message.writeUInt16BE(ETH_P_ALL, NLMSG_HEADER_BYTES + 16);
    message.writeUInt16LE(CLSACT_PRIORITY, NLMSG_HEADER_BYTES + 18);
    const answer = routeRequest(message);
    if (answer.length < NLMSG_HEADER_BYTES + 4 || answer.readUInt16LE(4) !== NLMSG_ERROR) continue;
    const errno = -answer.readInt32LE(NLMSG_HEADER_BYTES);
    // No such filter, or no qdisc to hold one.
    if (errno > 0 && !NOTHING_THERE.includes(errno)) throw new KernelError('RTM_DELTFILTER', errno);
  }
}

const EINVAL = 22;
const NOTHING_THERE = [ENOENT, ENODEV, EINVAL];

function ignoring(errnos: readonly number[], step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof KernelError && errnos.includes(error.errno))) throw error;
  }
}
