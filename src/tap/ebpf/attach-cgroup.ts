import { closeSync, openSync } from 'node:fs';
import { ShadowtapError, messageOf } from '../../errors.ts';
import { LinkAttachment, type Attachment, type ProgramFd } from './attach.ts';
import { BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_INGRESS, libbpf } from './libbpf.ts';

/**
 * cgroup_skb links on a cgroup v2 directory, Linux 5.7 and newer. They see the packets of sockets that were opened in
 * the cgroup or below, on every interface. A socket belongs to the cgroup that its process was in when it opened it.
 * @throws ShadowtapError ENDPOINT if the directory is gone; KernelError
 */
export function attachCgroup(directory: string, programFd: ProgramFd): Attachment {
  let cgroup: number;
  try {
    cgroup = openSync(directory, 'r');
  } catch (cause) {
    throw new ShadowtapError('ENDPOINT', `the cgroup ${directory} is gone or cannot be opened: ${messageOf(cause)}`, { cause });
  }
  const links = new LinkAttachment();
  try {
    links.add(libbpf().bpf_link_create(programFd('tap_cgroup_ingress'), cgroup, BPF_CGROUP_INET_INGRESS, null));
    links.add(libbpf().bpf_link_create(programFd('tap_cgroup_egress'), cgroup, BPF_CGROUP_INET_EGRESS, null));
    return links;
  } catch (error) {
    links.detach();
    throw error;
  } finally {
    closeSync(cgroup);
  }
}
