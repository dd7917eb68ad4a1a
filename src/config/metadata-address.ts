import { BlockList, isIP } from 'node:net';

/** Link-local addresses (RFC 3927, RFC 4291 section 2.5.6) and where clouds have their metadata services besides. */
const METADATA = new BlockList();
METADATA.addSubnet('169.254.0.0', 16, 'ipv4');
METADATA.addSubnet('0.0.0.0', 8, 'ipv4');
METADATA.addSubnet('fe80::', 10, 'ipv6');
METADATA.addAddress('fd00:ec2::254', 'ipv6');
METADATA.addAddress('fd20:ce::254', 'ipv6');
METADATA.addAddress('168.63.129.16', 'ipv4');
METADATA.addAddress('100.100.100.200', 'ipv4');
METADATA.addAddress('192.0.0.192', 'ipv4');

/** Whether what is sent to an address goes to the node's own cloud, whatever a name of somebody else's says. */
export function isMetadataAddress(address: string): boolean {
  return METADATA.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
