import { describe, expect, it } from 'vitest';
import { PodLocator } from '../../src/kube/pod-location.ts';

/** What takes real pods is in test/agent/pods.test.ts. */
describe('a pod that is not the only one to claim a static pod', () => {
  it('is not looked for, and the reason tells what to do', () => {
    const place = { cgroupUid: '0123456789abcdef0123456789abcdef', isContested: true } as const;
    expect(() => new PodLocator().locate(place)).toThrow(/another pod of this node says that it is the static pod 0123.*delete the one that is not/);
  });
});
