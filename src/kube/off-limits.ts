import { BlockList } from 'node:net';

/**
 * Addresses that no pod has, and where something listens that trusts whoever can reach it: the agent's own host, and the
 * services that clouds offer each node. IPv4 addresses in IPv6 form are covered.
 */
const OFF_LIMITS = new BlockList();
// "This host", loopback, link-local, multicast, and what is reserved (RFC 6890). API servers refuse most of it by themselves
// ("ValidateEndpointIP", pkg/apis/core/validation of Kubernetes).
OFF_LIMITS.addSubnet('0.0.0.0', 8, 'ipv4');
OFF_LIMITS.addSubnet('127.0.0.0', 8, 'ipv4');
OFF_LIMITS.addSubnet('169.254.0.0', 16, 'ipv4');
OFF_LIMITS.addSubnet('224.0.0.0', 3, 'ipv4');
OFF_LIMITS.addSubnet('::', 127, 'ipv6');
OFF_LIMITS.addSubnet('fe80::', 10, 'ipv6');
OFF_LIMITS.addSubnet('ff00::', 8, 'ipv6');
// Metadata services elsewhere: AWS and Google over IPv6, Azure, Oracle.
OFF_LIMITS.addAddress('fd00:ec2::254', 'ipv6');
OFF_LIMITS.addAddress('fd20:ce::254', 'ipv6');
OFF_LIMITS.addAddress('168.63.129.16', 'ipv4');
OFF_LIMITS.addAddress('192.0.0.192', 'ipv4');

/** Whether an EndpointSlice is not believed when it names this. @param address of the family, without a zone */
export function isOffLimits(address: string, family: 4 | 6): boolean {
  return OFF_LIMITS.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
