import { isIPv4, isIPv6 } from 'node:net';

const V4_MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The 16 bytes of an address, IPv4 as v4-mapped. @returns null if it is not an IP address */
export function addressBytes(text: string): Buffer | null {
  if (isIPv4(text)) return Buffer.from([...V4_MAPPED, ...text.split('.').map(Number)]);
  if (!isIPv6(text) || text.includes('%')) return null;
  return v6Bytes(text);
}

/** RFC 4291 section 2.2: eight groups of four digits, `::` for a run of zeros, the last two groups dotted or not. */
function v6Bytes(text: string): Buffer {
  const plain = text.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes('.')) return tail;
    const bytes = Buffer.from(tail.split('.').map(Number));
    return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groupsOf = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...before, ...zeros, ...after].forEach((group, i) => bytes.writeUInt16BE(group, i * 2));
  return bytes;
}
