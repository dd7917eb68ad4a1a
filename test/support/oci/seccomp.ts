import { readFileSync } from 'node:fs';

/**
 * The filter of system calls that a runtime gives to a container with `seccompProfile: RuntimeDefault`, as the OCI runtime
 * specification writes it (config-linux.md, "Seccomp").
 *
 * `cri-o` is the profile as CRI-O and Podman have it: Debian's package golang-github-containers-common installs it. The one
 * of containerd is not in a file of its own. Both have grown from Docker's, so that the calls that need no capability are
 * taken from that file, without those that containerd makes depend on one or leaves out.
 */
export type SeccompRuntime = 'containerd' | 'cri-o';

export const PROFILE = '/usr/share/containers/seccomp.json';

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args: readonly object[] | null;
  readonly errnoRet?: number;
  readonly includes: Condition;
  readonly excludes: Condition;
}

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

type OciRule = Pick<Rule, 'names' | 'action' | 'errnoRet'> & { readonly args?: readonly object[] };

interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly OciRule[];
}

const EPERM = 1;
const ENOSYS = 38;
const ALLOW = 'SCMP_ACT_ALLOW';
const ERRNO = 'SCMP_ACT_ERRNO';
const ARCHES = process.arch === 'arm64' ? ['arm64', 'arm'] : ['amd64', 'x86', 'x32'];
const ARCHITECTURES = process.arch === 'arm64' ? ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'] : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'];

/** What containerd (1.6.9 and newer) allows with a capability, contrib/seccomp. */
const WITH_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_BPF: ['bpf'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_SYS_ADMIN: [
    'bpf', 'perf_event_open', 'clone', 'clone3', 'setns', 'unshare', 'mount', 'mount_setattr', 'move_mount', 'open_tree', 'umount', 'umount2',
    'fsconfig', 'fsmount', 'fsopen', 'fspick', 'fanotify_init', 'lookup_dcookie', 'quotactl', 'quotactl_fd', 'setdomainname', 'sethostname', 'syslog',
  ],
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev', 'ptrace'],
  CAP_SYS_RAWIO: ['iopl', 'ioperm'],
  CAP_SYSLOG: ['syslog'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy'],
};

/** Allowed by the profile of the file, by containerd never. */
const NEVER = ['add_key', 'io_uring_enter', 'io_uring_register', 'io_uring_setup', 'keyctl', 'pivot_root', 'request_key', 'sysfs', 'syscall', 'uselib', 'userfaultfd', 'ustat'];

/** CLONE_NEW*: threads and processes may be made, namespaces not. */
const NEW_NAMESPACES = 0x7e02_0000;

/** @param capabilities of the container, such as `CAP_BPF` */
export function runtimeDefault(runtime: SeccompRuntime, capabilities: readonly string[]): OciSeccomp {
  const profile = JSON.parse(readFileSync(PROFILE, 'utf8')) as { readonly syscalls: readonly Rule[] };
  const syscalls = runtime === 'cri-o' ? criO(profile.syscalls, capabilities) : containerd(profile.syscalls, capabilities);
  return { defaultAction: ERRNO, defaultErrnoRet: runtime === 'cri-o' ? ENOSYS : EPERM, architectures: ARCHITECTURES, syscalls };
}

function criO(rules: readonly Rule[], capabilities: readonly string[]): OciRule[] {
  return rules.filter((rule) => applies(rule, capabilities)).map(({ names, action, args, errnoRet }) => ({
    names,
    action,
    ...(args !== null && args.length > 0 && { args }),
    ...(errnoRet !== undefined && { errnoRet }),
  }));
}

function containerd(rules: readonly Rule[], capabilities: readonly string[]): OciRule[] {
  const conditional = new Set([...Object.values(WITH_CAPABILITY).flat(), ...NEVER]);
  // Kernels have let a process trace only its own children and peers since 4.8.
  conditional.delete('ptrace');
  for (const name of ['process_vm_readv', 'process_vm_writev']) conditional.delete(name);
  const always = criO(rules.filter(({ action }) => action === ALLOW), [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !conditional.has(name)) }))
    .filter(({ names }) => names.length > 0);
  const granted = capabilities.flatMap((capability) => WITH_CAPABILITY[capability] ?? []);
  if (granted.length > 0) always.push({ names: [...new Set(granted)], action: ALLOW });
  if (capabilities.includes('CAP_SYS_ADMIN')) return always;
  return [
    ...always,
    { names: ['clone'], action: ALLOW, args: [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
    // glibc then falls back to clone, whose flags a filter can read.
    { names: ['clone3'], action: ERRNO, errnoRet: ENOSYS },
  ];
}

function applies({ includes, excludes }: Rule, capabilities: readonly string[]): boolean {
  const has = (names: readonly string[] | undefined): boolean => names?.some((name) => capabilities.includes(name)) ?? false;
  if (includes.caps !== undefined && !has(includes.caps)) return false;
  if (includes.arches !== undefined && !includes.arches.some((arch) => ARCHES.includes(arch))) return false;
  return !has(excludes.caps);
}
