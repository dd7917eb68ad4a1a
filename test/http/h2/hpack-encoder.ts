/** A plain HPACK encoder for tests: says exactly which representation to use, RFC 7541 section 6. */
export const hpack = {
  indexed: (index: number): Buffer => integer(0x80, 7, index),
  /** Literal that is inserted. @param name an index, or the text */
  inserted: (name: number | string, value: string): Buffer => literal(0x40, 6, name, value),
  /** Literal that is not inserted. */
  plain: (name: number | string, value: string): Buffer => literal(0, 4, name, value),
  never: (name: number | string, value: string): Buffer => literal(0x10, 4, name, value),
  resize: (size: number): Buffer => integer(0x20, 5, size),
  /** Fields as literals that are not inserted; the table stays as it is. */
  block: (...fields: readonly string[]): Buffer => {
    const parts: Buffer[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) parts.push(hpack.plain(fields[i]!, fields[i + 1]!));
    return Buffer.concat(parts);
  },
} as const;

function literal(first: number, prefix: number, name: number | string, value: string): Buffer {
  if (typeof name === 'number') return Buffer.concat([integer(first, prefix, name), text(value)]);
  return Buffer.concat([integer(first, prefix, 0), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
}

export function integer(first: number, prefix: number, value: number): Buffer {
  const mask = 2 ** prefix - 1;
  if (value < mask) return Buffer.from([first | value]);
  const bytes = [first | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
