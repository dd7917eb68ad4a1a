/**
 * The kubelet keeps each pod in a cgroup of its own, whose name is the pod's uid after `pod`
 * (pkg/kubelet/cm/pod_container_manager_linux.go of Kubernetes):
 *
 *     cgroupfs driver  kubepods/burstable/pod<uid>/<container>
 *     systemd driver   kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/<runtime>-<container>.scope
 *
 * systemd takes a dash for a level of the tree, so the uid's are underscores there. A uid is a UUID, or for static pods
 * an MD5. What comes before depends on where the node itself is (kind: a container) and from where one looks (a cgroup
 * namespace: `/../..`), and what comes after on the runtime: neither is looked at.
 */
const POD = /^(?:(?:.+-)?pod([0-9a-f]{32}|[0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12})\.slice|pod([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))$/;

/** Longest name in a cgroup's path (NAME_MAX). */
const MAX_NAME = 255;

/** The pod's id in the name of a cgroup; null if it is no pod's. */
export function podOfName(name: string): string | null {
  if (name.length > MAX_NAME) return null;
  const found = POD.exec(name);
  return found === null ? null : (found[2] ?? found[1]?.replaceAll('_', '-') ?? null);
}

/**
 * The pod that a process belongs to. Cgroups below a pod's are the pod's own affair: it may name them as it likes, even
 * after another pod, so the first in the path counts.
 * @param text contents of `/proc/<pid>/cgroup` (cgroups(7)): a line for each hierarchy, `id:controllers:path`. The unified
 * one of v2 comes last.
 */
export function podOfProcess(text: string): string | null {
  for (const line of text.split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    // Most processes of a node are in no pod: no need to take their paths apart.
    if (!path.includes('pod')) continue;
    // A colon: containerd and the kubelet disagree about the driver, and a container's name is `<pod>.slice:cri-containerd:<id>`.
    for (const name of path.split(/[/:]/)) {
      const pod = podOfName(name);
      if (pod !== null) return pod;
    }
  }
  return null;
}
