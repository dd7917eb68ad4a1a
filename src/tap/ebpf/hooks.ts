import { networkInterfaces } from 'node:os';
import { ShadowtapError } from '../../errors.ts';
import type { EndpointLocation } from '../tap.ts';
import type { TcHook } from './attach.ts';
import { interfaceIndex, netnsCookie } from './libbpf.ts';
import { inNetns } from './netns.ts';

const LOOPBACK = 'lo';

/**
 * The hooks on which every packet of an endpoint passes once.
 *
 * - `eth0` in a pod's namespace: in and out. The side of the hook tells the direction.
 * - `lo`: ingress only, since each packet passes it going out and coming in. Shows plaintext behind a sidecar's mTLS.
 * - an interface of our own namespace, such as the host's end of a pod's cable: both sides, either direction.
 * @throws ShadowtapError ENDPOINT
 */
export function hooksOf(location: EndpointLocation): TcHook[] {
  const names = location.interfaces ?? defaultInterfaces(location);
  return inNetns(location.netns, () => names.flatMap((name) => hooksOn(name, location)));
}

/**
 * The network behind a location just now, as a text: another namespace, or an interface made anew, gives another text.
 * Empty where the namespace is gone, or the endpoint is a cgroup only.
 */
export function networkIdentity(location: EndpointLocation): string {
  try {
    const names = location.interfaces ?? defaultInterfaces(location);
    return inNetns(location.netns, () => [netnsCookie() ?? hardwareAddresses(), ...names.map(interfaceIndex)].join(','));
  } catch {
    return '';
  }
}

/** Where the kernel gives no cookie: addresses of interfaces are drawn by lot when they are made, as a rule. */
function hardwareAddresses(): string {
  return Object.values(networkInterfaces()).flatMap((entries) => entries?.map(({ mac }) => mac) ?? []).join(' ');
}

function hooksOn(name: string, { netns, interfaces }: EndpointLocation): TcHook[] {
  const ifindex = interfaceIndex(name);
  if (ifindex === 0) {
    // A pod without loopback is odd but can be tapped all the same.
    if (name === LOOPBACK && interfaces === undefined) return [];
    throw new ShadowtapError('ENDPOINT', `there is no interface ${name} in ${netns ?? "the agent's own network namespace"}`);
  }
  if (name === LOOPBACK) return [{ ifindex, ingress: true, program: 'tap_tc_either' }];
  if (netns === undefined) {
    return [
      { ifindex, ingress: true, program: 'tap_tc_either' },
      { ifindex, ingress: false, program: 'tap_tc_either' },
    ];
  }
  return [
    { ifindex, ingress: true, program: 'tap_tc_ingress' },
    { ifindex, ingress: false, program: 'tap_tc_egress' },
  ];
}

/** A pod has the usual two; in our own namespace there are too many to guess. */
export function defaultInterfaces({ netns }: EndpointLocation): readonly string[] {
  if (netns !== undefined) return ['eth0', LOOPBACK];
  throw new ShadowtapError('ENDPOINT', 'this tap needs a network namespace or interfaces: give the endpoint one of them');
}
