import { LinkAttachment, type Attachment, type ProgramFd, type TcHook } from './attach.ts';
import { BPF_TCX_EGRESS, BPF_TCX_INGRESS, libbpf } from './libbpf.ts';

/**
 * tcx links, Linux 6.6 and newer. Programs of others on the same hook run before and after ours.
 * Call it in the namespace of the hooks. @throws KernelError; nothing stays attached then
 */
export function attachTcx(hooks: readonly TcHook[], programFd: ProgramFd): Attachment {
  const links = new LinkAttachment();
  try {
    for (const { ifindex, ingress, program } of hooks) {
      const type = ingress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
      links.add(libbpf().bpf_link_create(programFd(program), ifindex, type, null));
    }
    return links;
  } catch (error) {
    links.detach();
    throw error;
  }
}
