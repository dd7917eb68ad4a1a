import { mkdirSync, mkdtempDisposableSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PodLocator } from '../../src/kube/pod-location.ts';

/** What takes real pods is in test/agent/pods.test.ts. */
describe('a pod that is not the only one to claim a static pod', () => {
  it('is not looked for, and the reason tells what to do', () => {
    const place = { cgroupUid: '0123456789abcdef0123456789abcdef', isContested: true } as const;
    expect(() => new PodLocator().locate(place)).toThrow(/another pod of this node says that it is the static pod 0123.*delete the one that is not/);
  });
});

describe('a pod that is not found', () => {
  const cgroupUid = '01234567-89ab-cdef-0123-456789abcdef';

  it.each([
    ['has no process', null, null, /no process of pod .* runs on this node yet, .*hostPID/],
    ['has processes that may not be looked at', cgroupUid, null, /may not be looked at, which takes CAP_SYS_PTRACE and that AppArmor permits it/],
    ['has processes in the network of the node only', cgroupUid, 'net:[1]', /has no network of its own yet/],
  ])('says so where it %s', (_what, uid, namespace, message) => {
    using proc = mkdtempDisposableSync(join(tmpdir(), 'shadowtap-proc-'));
    mkdirSync(join(proc.path, '1/ns'), { recursive: true });
    mkdirSync(join(proc.path, '77/ns'), { recursive: true });
    symlinkSync('net:[1]', join(proc.path, '1/ns/net'));
    if (uid !== null) writeFileSync(join(proc.path, '77/cgroup'), `0::/kubepods/burstable/pod${uid}/app\n`);
    if (namespace !== null) symlinkSync(namespace, join(proc.path, '77/ns/net'));
    expect(() => new PodLocator({ proc: proc.path, cgroup: null }).locate({ cgroupUid })).toThrow(message);
  });
});
