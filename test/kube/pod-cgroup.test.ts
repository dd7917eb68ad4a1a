import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { podOfName, podOfProcess } from '../../src/kube/pod-cgroup.ts';

const UID = '0b5e7c2a-93d1-4c5f-8a6e-1f2d3c4b5a69';
const UNDERSCORED = UID.replaceAll('-', '_');
const STATIC = 'a5363f4f31e043bdae3c93aca4991903';
const ID = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/** A v1 file: the same path in each hierarchy. */
const v1 = (path: string): string => ['12:memory', '5:cpu,cpuacct', '1:name=systemd'].map((hierarchy) => `${hierarchy}:${path}\n`).join('');

/** What /proc/<pid>/cgroup shows, as each runtime and distribution writes it. */
const REAL: readonly (readonly [string, string, string])[] = [
  ['containerd, systemd driver, burstable', UID, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['containerd, systemd driver, guaranteed', UID, `0::/kubepods.slice/kubepods-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['containerd, cgroupfs driver', UID, `0::/kubepods/besteffort/pod${UID}/${ID}\n`],
  ['containerd with the cgroupfs driver under a kubelet with systemd’s', UID, `0::/system.slice/containerd.service/kubepods-burstable-pod${UNDERSCORED}.slice:cri-containerd:${ID}\n`],
  ['CRI-O', UID, `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UNDERSCORED}.slice/crio-${ID}.scope\n`],
  ['CRI-O, with the container in a cgroup of its own', UID, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/crio-${ID}.scope/container\n`],
  ['CRI-O’s conmon', UID, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/crio-conmon-${ID}.scope\n`],
  ['Docker (cri-dockerd), systemd driver', UID, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/docker-${ID}.scope\n`],
  ['Docker, cgroupfs driver, v1', UID, v1(`/kubepods/burstable/pod${UID}/${ID}`)],
  ['kind, systemd driver', UID, `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['kind, cgroupfs driver', UID, `0::/kubelet/kubepods/besteffort/pod${UID}/${ID}\n`],
  ['kind on v1, seen with the node’s own container', UID, v1(`/docker/${ID}/kubelet/kubepods/burstable/pod${UID}/${ID}`)],
  ['minikube with the docker driver', UID, `0::/system.slice/docker-${ID}.scope/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/docker-${ID}.scope\n`],
  ['a static pod in minikube', STATIC, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${STATIC}.slice/docker-${ID}.scope\n`],
  ['a static pod, cgroupfs driver', STATIC, `0::/kubepods/burstable/pod${STATIC}/${ID}\n`],
  ['k3s', UID, `0::/kubepods/burstable/pod${UID}/${ID}\n`],
  ['EKS with Amazon Linux 2023', UID, `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['Bottlerocket', UID, `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['GKE with Container-Optimized OS, v1', UID, v1(`/kubepods/besteffort/pod${UID}/${ID}`)],
  ['GKE with Container-Optimized OS, v2', UID, `0::/kubepods/burstable/pod${UID}/${ID}\n`],
  ['v1 hybrid, where the unified hierarchy holds nothing', UID, `${v1(`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/docker-${ID}.scope`)}0::/\n`],
  ['v1 where only one hierarchy holds pods', UID, `7:pids:/\n1:name=systemd:/kubepods/pod${UID}/${ID}\n0::/system.slice/kubelet.service\n`],
  ['a kubelet with a cgroup root of its own', UID, `0::/k8s.slice/k8s-nodes.slice/k8s-nodes-kubepods.slice/k8s-nodes-kubepods-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['a sibling of our own pod, seen from our cgroup namespace', UID, `0::/../../pod${UID}/${ID}\n`],
  ['a pod of another class, seen from our cgroup namespace', UID, `0::/../../../kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORED}.slice/cri-containerd-${ID}.scope\n`],
  ['a pod that runs containers of its own', UID, `0::/kubepods/burstable/pod${UID}/${ID}/docker/${ID}\n`],
  ['a pod in which a cluster runs, whose pods are not the node’s', UID, `0::/kubepods/burstable/pod${UID}/${ID}/kubelet/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/${ID}\n`],
  ['a process that systemd in a pod has moved into a slice of its own', UID, `0::/kubepods/pod${UID}/${ID}/system.slice/app.service\n`],
];

const OTHERS = [
  '0::/\n',
  '',
  '0::/init.scope\n',
  '0::/system.slice/kubelet.service\n',
  '0::/user.slice/user-1000.slice/session-3.scope\n',
  `0::/system.slice/docker-${ID}.scope\n`,
  `0::/machine.slice/libpod-${ID}.scope/container\n`,
  `0::/machine.slice/machine-libpod_pod_${ID}.slice/libpod-${ID}.scope\n`,
  '0::/kubepods.slice/kubepods-burstable.slice\n',
  '0::/kubepods/burstable/pod\n',
  '0::/kubepods/burstable/pod-not-a-uid/x\n',
  `0::/kubepods/burstable/xpod${UID}\n`,
  `0::/kubepods/burstable/pod${UID}x/${ID}\n`,
];

describe('the pod of a process', () => {
  it.each(REAL)('is found with %s', (_what, uid, text) => {
    expect(podOfProcess(text)).toBe(uid);
  });

  it('is none for what is in no pod', () => {
    expect(OTHERS.map(podOfProcess)).toEqual(OTHERS.map(() => null));
  });

  it('is null or a uid for any text, and never takes long', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom('pod', '.slice', '-', '_', '/', ':', '\n', '0::/', UID, UNDERSCORED, STATIC, 'kubepods', '..'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const found = podOfProcess(pieces.join(''));
        expect(found === null || found === UID || found === STATIC || /^[0-9a-f-]{32,36}$/.test(found)).toBe(true);
      }),
      { interruptAfterTimeLimit: 2000 },
    );
    const before = process.cpuUsage();
    podOfProcess(`0::/${'pod-'.repeat(100_000)}`);
    podOfName(`${'kubepods-pod'.repeat(10_000)}.slice`);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(100_000);
  });

  it('is found under either driver’s name for any uid', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.array(fc.constantFrom('a', 'kubepods', 'x-y', '..'), { maxLength: 5 }), (uid, parents) => {
        const prefix = parents.map((name) => `/${name}`).join('');
        expect(podOfProcess(`0::${prefix}/pod${uid}/c\n`)).toBe(uid);
        expect(podOfProcess(`3:cpu:${prefix}/kubepods-pod${uid.replaceAll('-', '_')}.slice/c.scope\n`)).toBe(uid);
      }),
      { interruptAfterTimeLimit: 2000 },
    );
  });
});
