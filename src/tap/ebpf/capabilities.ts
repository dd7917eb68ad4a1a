import { readFileSync } from 'node:fs';
import { EACCES, EPERM, type KernelError } from './libbpf.ts';

/** Those that taps use, with their numbers (linux/capability.h). */
const NUMBERS = { NET_ADMIN: 12, NET_RAW: 13, SYS_PTRACE: 19, SYS_ADMIN: 21, PERFMON: 38, BPF: 39 } as const;

export type Capability = keyof typeof NUMBERS;

/** To load programs; CAP_SYS_ADMIN stands for all three (capabilities(7), bpf_prog_load in kernel/bpf/syscall.c). */
const TO_LOAD: readonly Capability[] = ['BPF', 'PERFMON', 'NET_ADMIN'];

/** Effective ones of this process, in the order of their numbers. */
export function effectiveCapabilities(): Capability[] {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return (Object.keys(NUMBERS) as Capability[]).filter((name) => ((mask >> BigInt(NUMBERS[name])) & 1n) === 1n);
}

/**
 * What a refusal to load programs comes from. The verifier says EACCES to what only those with
 * CAP_PERFMON may do.
 * @returns empty where it is not a matter of rights
 */
export function whyNotLoaded({ errno }: KernelError): string {
  const held = effectiveCapabilities();
  const missing = held.includes('SYS_ADMIN') ? [] : TO_LOAD.filter((name) => !held.includes(name));
  if (missing.length > 0 && (errno === EPERM || errno === EACCES)) return `missing: ${missing.map((name) => `CAP_${name}`).join(', ')}`;
  if (errno !== EPERM) return '';
  return (
    'the capabilities are there, but something else forbids bpf(2), as a seccomp profile does: ' +
    'those of CRI-O, and of containerd before 1.6.9, allow it only with CAP_SYS_ADMIN'
  );
}

/** The same of a refusal to attach them. */
export function whyNotAttached({ errno }: KernelError): string {
  if (errno !== EPERM || effectiveCapabilities().includes('NET_ADMIN')) return '';
  return 'missing: CAP_NET_ADMIN';
}
