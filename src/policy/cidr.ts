import { BlockList, isIP } from 'node:net';

/** A block of addresses of one family. */
export interface Cidr {
  readonly family: 4 | 6;
  /** As written; bits beyond the prefix do not count. */
  readonly address: string;
  readonly bits: number;
  /** @param address of the same family, in text form */
  contains(address: string): boolean;
}

const CIDR = /^([0-9a-fA-F:.]+)\/([0-9]{1,3})$/;

/** @returns null where the text is not `address/bits` */
export function parseCidr(text: string): Cidr | null {
  const [, address, prefix] = CIDR.exec(text) ?? [];
  const version = isIP(address ?? '');
  const bits = Number(prefix);
  if (address === undefined || version === 0 || bits > (version === 4 ? 32 : 128)) return null;
  const family = version === 4 ? 4 : 6;
  const name = family === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(address, bits, name);
  return { family, address, bits, contains: (other) => block.check(other, name) };
}
