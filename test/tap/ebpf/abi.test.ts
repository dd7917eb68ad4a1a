import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as ebpf from '../../../src/tap/ebpf/abi.ts';
import { addressBytes } from '../../../src/tap/ebpf/addresses.ts';
import * as ring from '../../../src/tap/ring/abi.ts';
import { TO_CLIENT, TO_SERVER } from '../../../src/tap/segment.ts';
import { bpfObject, requireKernel } from '../../support/kernel.ts';

const BPF = fileURLToPath(new URL('../../../bpf', import.meta.url));

/** Values of C expressions over bpf/tap.h, as the compiler sees them. */
function evaluate(expressions: readonly string[]): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'shadowtap-abi-'));
  try {
    const prints = expressions.map((e) => `printf("%ld\\n", (long)(${e}));`).join('\n');
    writeFileSync(join(directory, 'abi.c'), `#include <stdio.h>\n#include <stddef.h>\n#include "tap.h"\nint main(void) {\n${prints}\n}\n`);
    execFileSync('clang', ['-I', BPF, '-o', join(directory, 'abi'), join(directory, 'abi.c')]);
    return execFileSync(join(directory, 'abi'), { encoding: 'utf8' }).trimEnd().split('\n').map(Number);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const word = (index: number): number => index * 4;

describe('the layout in bpf/tap.h', () => {
  const twins: Record<string, number> = {
    'sizeof(struct tap_record)': ring.RECORD_BYTES,
    'offsetof(struct tap_record, len)': word(ring.WORD_LEN),
    'offsetof(struct tap_record, seq)': word(ring.WORD_SEQ),
    'offsetof(struct tap_record, ack)': word(ring.WORD_ACK),
    'offsetof(struct tap_record, meta)': word(ring.WORD_META),
    'offsetof(struct tap_record, endpoint)': word(ring.WORD_ENDPOINT),
    'offsetof(struct tap_record, hash)': word(ring.WORD_HASH),
    'offsetof(struct tap_record, ports)': word(ring.WORD_PORTS),
    'offsetof(struct tap_record, wire_len)': word(ring.WORD_WIRE_LEN),
    'offsetof(struct tap_record, time_lo)': word(ring.WORD_TIME_LO),
    'offsetof(struct tap_record, time_hi)': word(ring.WORD_TIME_HI),
    'offsetof(struct tap_record, source)': word(ring.WORD_SADDR),
    'offsetof(struct tap_record, destination)': word(ring.WORD_DADDR),
    TO_SERVER,
    TO_CLIENT,
    META_DIRECTION_SHIFT: ring.META_DIRECTION_SHIFT,
    META_RESYNC: ring.META_RESYNC,
    'sizeof(struct tap_config)': ebpf.CONFIG_BYTES,
    'offsetof(struct tap_config, endpoint)': ebpf.CONFIG_ENDPOINT,
    'offsetof(struct tap_config, rings)': ebpf.CONFIG_RINGS,
    'offsetof(struct tap_config, wake_bytes)': ebpf.CONFIG_WAKE_BYTES,
    'offsetof(struct tap_config, resync_bytes)': ebpf.CONFIG_RESYNC_BYTES,
    'offsetof(struct tap_config, reserve_bytes)': ebpf.CONFIG_RESERVE_BYTES,
    'offsetof(struct tap_config, address_count)': ebpf.CONFIG_ADDRESS_COUNT,
    'offsetof(struct tap_config, addresses)': ebpf.CONFIG_ADDRESSES,
    TAP_MAX_ADDRESSES: ebpf.MAX_ADDRESSES,
    'sizeof(struct tap_address)': ebpf.ADDRESS_BYTES,
    TAP_PORT_WORDS: ebpf.PORT_WORDS,
    'sizeof(struct flow_key)': word(ebpf.KEY_WORDS),
    'offsetof(struct flow_key, client)': word(ebpf.KEY_CLIENT),
    'offsetof(struct flow_key, server)': word(ebpf.KEY_SERVER),
    'offsetof(struct flow_key, ports)': word(ebpf.KEY_PORTS),
    'offsetof(struct flow_key, endpoint)': word(ebpf.KEY_ENDPOINT),
    'sizeof(struct flow_mark)': word(ebpf.MARK_WORDS),
    'offsetof(struct flow_mark, state)': word(ebpf.MARK_STATE),
    FLOW_AWAIT: ebpf.FLOW_AWAIT,
    FLOW_MUTED: ebpf.FLOW_MUTED,
    FLOW_HTTP2: ebpf.FLOW_HTTP2,
    'sizeof(struct tap_counters)': ebpf.COUNTERS.length * 8,
    ...Object.fromEntries(ebpf.COUNTERS.map((name, i) => [`offsetof(struct tap_counters, ${name})`, i * 8])),
  };

  it('is the one that this side reads and writes', () => {
    const names = Object.keys(twins);
    const values = evaluate(names);
    expect(Object.fromEntries(names.map((name, i) => [name, values[i]]))).toEqual(twins);
  });
});

/** Core relocation bytes of an ELF file's .BTF.ext section, linux/btf.h: the last pair of its header. */
function coreRelocationBytes(object: Buffer): number {
  const sections = Number(object.readBigUInt64LE(0x28));
  const size = object.readUInt16LE(0x3a);
  const header = (index: number): number => sections + index * size;
  const names = Number(object.readBigUInt64LE(header(object.readUInt16LE(0x3e)) + 0x18));
  for (let i = 0; i < object.readUInt16LE(0x3c); i++) {
    const name = names + object.readUInt32LE(header(i));
    if (object.toString('latin1', name, object.indexOf(0, name)) !== '.BTF.ext') continue;
    const content = Number(object.readBigUInt64LE(header(i) + 0x18));
    const headerBytes = object.readUInt32LE(content + 4);
    return headerBytes >= 32 ? object.readUInt32LE(content + 28) : 0;
  }
  throw new Error('the object has no .BTF.ext');
}

describe.skipIf(!requireKernel())('the BPF object', () => {
  it('needs no BTF of the target: it has no CO-RE relocations', () => {
    expect(coreRelocationBytes(readFileSync(bpfObject()))).toBe(0);
  });
});

describe('addressBytes', () => {
  it.each([
    ['10.1.2.3', '00000000000000000000ffff0a010203'],
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::a:b', '20010db80000000000000000000a000b'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['::ffff:10.1.2.3', '00000000000000000000ffff0a010203'],
  ])('reads %s', (text, bytes) => {
    expect(addressBytes(text)?.toString('hex')).toBe(bytes);
  });

  it.each(['', 'localhost', '10.0.0', '10.0.0.0/8', 'fe80::1%eth0', '1::2::3'])('refuses %j', (text) => {
    expect(addressBytes(text)).toBeNull();
  });
});
