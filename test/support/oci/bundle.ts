import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container, PodSpec, SecurityContext } from '../kustomize.ts';
import { runtimeDefault, type SeccompRuntime } from './seccomp.ts';

/**
 * From a Kubernetes pod to what the runtime on a node makes of it: an OCI bundle (runtime-spec, config.json) for runc, with
 * the capabilities, system calls, namespaces and mounts that kubelet and containerd derive from the manifest.
 */

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

export interface BundleOptions {
  readonly pod: PodSpec;
  /** The pod's network namespace. */
  readonly netns: string;
  /** Folders for volumes by name, instead of what the manifest says (ConfigMaps). */
  readonly volumes: Readonly<Record<string, string>>;
  /** Unpacked image; not given: this machine's programs and this repository, all of it read-only. */
  readonly rootfs?: string;
  /** Environment and entry point of the image. */
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  /** Instead of the manifest's arguments. */
  readonly args?: readonly string[];
  readonly seccomp: SeccompRuntime;
  /** Capabilities of the manifest that are left out. */
  readonly without?: readonly string[];
  /** Another user, with ambient capabilities, which Kubernetes does not give. */
  readonly ambientFor?: number;
  readonly noNewPrivileges?: boolean;
}

/** A folder for `runc run -b`. */
export interface Bundle extends Disposable {
  readonly folder: string;
  readonly capabilities: readonly string[];
}

export function makeBundle(options: BundleOptions): Bundle {
  const folder = mkdtempSync(join(tmpdir(), 'shadowtap-oci-'));
  const rootfs = options.rootfs ?? hostRootfs(folder);
  const capabilities = capabilitiesOf(options);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configOf(options, rootfs, capabilities), null, 1));
  return { folder, capabilities, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

function capabilitiesOf({ pod, without = [] }: BundleOptions): string[] {
  const { add = [], drop = [] } = agentOf(pod).securityContext.capabilities ?? {};
  if (!drop.includes('ALL')) throw new Error('the container keeps the capabilities that its runtime gives to all');
  return add.filter((name) => !without.includes(name)).map((name) => `CAP_${name}`);
}

function agentOf({ containers }: PodSpec): Container {
  const [container, ...others] = containers;
  if (container === undefined || others.length > 0) throw new Error('the pod must have one container');
  return container;
}

function configOf(options: BundleOptions, rootfs: string, capabilities: readonly string[]): object {
  const { pod, netns, seccomp, ambientFor } = options;
  const container = agentOf(pod);
  const security: SecurityContext = { ...pod.securityContext, ...container.securityContext };
  if (security.privileged === true) throw new Error('the container is privileged');
  if (security.seccompProfile?.type !== 'RuntimeDefault') throw new Error('the container does not ask for RuntimeDefault');
  const user = { uid: ambientFor ?? security.runAsUser ?? 0, gid: ambientFor ?? security.runAsGroup ?? 0 };
  const ambient = ambientFor === undefined ? {} : { inheritable: capabilities, ambient: capabilities };
  return {
    ociVersion: '1.0.2',
    process: {
      user,
      cwd: '/',
      args: [...(options.entrypoint ?? [process.execPath, join(REPOSITORY, 'src/cli.ts')]), ...(options.args ?? container.args ?? [])],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_NAME=node-1', ...(options.env ?? [])],
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities, ...ambient },
      noNewPrivileges: options.noNewPrivileges ?? security.allowPrivilegeEscalation === false,
      // What systemd leaves to services: too little for a map on kernels that charge it (before 5.11).
      rlimits: [{ type: 'RLIMIT_MEMLOCK', soft: 65_536, hard: 65_536 }],
    },
    root: { path: rootfs, readonly: security.readOnlyRootFilesystem === true },
    mounts: [...STANDARD_MOUNTS, ...(options.rootfs === undefined ? HOST_MOUNTS : []), ...volumeMounts(options)],
    linux: {
      namespaces: [
        { type: 'network', path: netns },
        ...['mount', 'ipc', 'uts', 'cgroup', ...(pod.hostPID === true ? [] : ['pid'])].map((type) => ({ type })),
      ],
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/sched_debug', '/proc/scsi', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      seccomp: runtimeDefault(seccomp, capabilities),
    },
  };
}

const READ_ONLY = ['rbind', 'rprivate', 'ro'];

const STANDARD_MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
];

/** Top folders with what is run: the repository, its node_modules and Node may be in different ones. */
const HOST_FOLDERS = ['/usr', ...[REPOSITORY, realpathSync(join(REPOSITORY, 'node_modules')), realpathSync(process.execPath)].map((path) => `/${path.split('/')[1]}`)];
const HOST_MOUNTS = [...new Set(HOST_FOLDERS)].map((path) => ({ destination: path, type: 'bind', source: path, options: READ_ONLY }));

function volumeMounts({ pod, volumes }: BundleOptions): object[] {
  return agentOf(pod).volumeMounts.map(({ name, mountPath, readOnly }) => {
    const source = volumes[name] ?? pod.volumes.find((volume) => volume.name === name)?.hostPath?.path;
    if (source === undefined) throw new Error(`the test has no folder for the volume ${name}`);
    return { destination: mountPath, type: 'bind', source, options: ['rbind', 'rprivate', readOnly === true ? 'ro' : 'rw'] };
  });
}

/** Folders to mount upon. runc makes those that are missing below tmpfs and in this one. */
function hostRootfs(folder: string): string {
  const rootfs = join(folder, 'rootfs');
  mkdirSync(rootfs);
  for (const name of ['proc', 'dev', 'sys', 'tmp', 'run']) mkdirSync(join(rootfs, name));
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(rootfs, name));
  return rootfs;
}
