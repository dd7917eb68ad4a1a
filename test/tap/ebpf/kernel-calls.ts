import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { interfaceIndex } from '../../../src/tap/ebpf/libbpf.ts';
import { inNetns } from '../../../src/tap/ebpf/netns.ts';

/** Calls of libbpf that only tests need: what is attached where, and running a program on a packet. */

const lib = koffi.load('libbpf.so.1');
const query = lib.func('int bpf_prog_query(int, int, uint32_t, _Out_ uint32_t *, void *, _Inout_ uint32_t *)');
const TEST_RUN_OPTS = koffi.struct({
  sz: 'size_t', data_in: 'void *', data_out: 'void *', data_size_in: 'uint32_t', data_size_out: 'uint32_t',
  ctx_in: 'void *', ctx_out: 'void *', ctx_size_in: 'uint32_t', ctx_size_out: 'uint32_t', retval: 'uint32_t',
  repeat: 'int', duration: 'uint32_t', flags: 'uint32_t', cpu: 'uint32_t', batch_size: 'uint32_t',
});
const testRun = lib.func('bpf_prog_test_run_opts', 'int', ['int', koffi.inout(koffi.pointer(TEST_RUN_OPTS))]);

function programsOn(target: number, attachType: number): number {
  const count = [0];
  const result = query(target, attachType, 0, [0], null, count) as number;
  if (result < 0) throw new Error(`bpf_prog_query: ${result}`);
  return count[0]!;
}

/** Programs on both sides of an interface. @param attachTypes enum bpf_attach_type */
export function tcxProgramsOn(netns: string, name: string): number {
  return inNetns(netns, () => programsOn(interfaceIndex(name), 46) + programsOn(interfaceIndex(name), 47));
}

export function cgroupProgramsOn(directory: string): number {
  const fd = openSync(directory, 'r');
  try {
    return programsOn(fd, 0) + programsOn(fd, 1);
  } finally {
    closeSync(fd);
  }
}

/** Runs a program once on a packet that begins with its Ethernet header. @returns what the program returned */
export function runOnPacket(programFd: number, packet: Buffer): number {
  const opts = {
    sz: koffi.sizeof(TEST_RUN_OPTS), data_in: packet, data_out: null, data_size_in: packet.length, data_size_out: 0,
    ctx_in: null, ctx_out: null, ctx_size_in: 0, ctx_size_out: 0, retval: 0, repeat: 1, duration: 0, flags: 0, cpu: 0,
    batch_size: 0,
  };
  const result = testRun(programFd, opts) as number;
  if (result < 0) throw new Error(`bpf_prog_test_run_opts: ${result}`);
  return opts.retval;
}
