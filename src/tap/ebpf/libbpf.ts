import koffi, { type LibraryHandle } from 'koffi';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

/**
 * The C functions that taps need: libbpf's and a few of libc's. The only module that knows koffi.
 *
 * All calls are synchronous and run on the calling thread, which setns depends on. A failure throws a `KernelError`.
 * libbpf is loaded at its first use, so that the libc part works on nodes without it.
 */

/** A C call that failed. `errno` is positive, 0 where the function does not say why. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly errno: number;

  constructor(call: string, errno: number, detail = '') {
    const why = errno > 0 ? `${getSystemErrorMessage(-errno)} (${getSystemErrorName(-errno)})` : 'failed';
    super(`${call}: ${why}${detail === '' ? '' : `\n${detail}`}`);
    this.errno = errno;
  }
}

export const EPERM = 1;
export const ENOENT = 2;
export const EACCES = 13;
export const ENODEV = 19;
export const EEXIST = 17;

/** A C pointer. */
type Pointer = bigint;
/** Memory that C may read, or write where the function says so. */
type Memory = Buffer | Uint32Array<ArrayBuffer> | null;

/** Declares a C function with the TypeScript signature that its prototype amounts to. */
function declare<F>(library: LibraryHandle, prototype: string): F {
  return library.func(prototype) as unknown as F;
}

/** Declares a C function that returns a negative errno when it fails: it throws then, and returns 0 or more else. */
function fallible<A extends unknown[]>(library: LibraryHandle, prototype: string): (...args: A) => number {
  const call = declare<(...args: A) => number>(library, prototype);
  const name = /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
  return (...args) => {
    const result = call(...args);
    if (result < 0) throw new KernelError(name, -result);
    return result;
  };
}

/** For functions that return -1 and set errno. */
function checked(call: string, result: number): number {
  if (result < 0) throw new KernelError(call, koffi.errno());
  return result;
}

// ---- libc: whatever the Node process itself is linked to ---------------------------------------------------------

const libc = koffi.load(null);

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MFD_CLOEXEC = 1;
const CLONE_NEWNET = 0x4000_0000;
const SC_PAGESIZE = 30;
const EPOLL_CLOEXEC = 0x8_0000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 0x001;
const EPOLLET = 0x8000_0000;

/** Packed on x86-64 only (epoll_ctl(2)). */
const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EPOLL_DATA_OFFSET = EPOLL_EVENT_BYTES - 8;

const c = {
  mmap: declare<(address: null, bytes: number, protection: number, flags: number, fd: number, offset: number) => Pointer>(
    libc, 'void *mmap(void *, size_t, int, int, int, long)'),
  munmap: declare<(address: Pointer, bytes: number) => number>(libc, 'int munmap(void *, size_t)'),
  dup2: declare<(from: number, to: number) => number>(libc, 'int dup2(int, int)'),
  memfd_create: declare<(name: string, flags: number) => number>(libc, 'int memfd_create(const char *, unsigned int)'),
  sysconf: declare<(name: number) => number>(libc, 'long sysconf(int)'),
  setns: declare<(fd: number, type: number) => number>(libc, 'int setns(int, int)'),
  unshare: declare<(flags: number) => number>(libc, 'int unshare(int)'),
  if_nametoindex: declare<(name: string) => number>(libc, 'unsigned int if_nametoindex(const char *)'),
  epoll_create1: declare<(flags: number) => number>(libc, 'int epoll_create1(int)'),
  epoll_ctl: declare<(epoll: number, op: number, fd: number, event: Buffer) => number>(
    libc, 'int epoll_ctl(int, int, int, void *)'),
  epoll_wait: declare<(epoll: number, events: Buffer, max: number, timeout: number) => number>(
    libc, 'int epoll_wait(int, void *, int, int)'),
  socket: declare<(family: number, type: number, protocol: number) => number>(libc, 'int socket(int, int, int)'),
  send: declare<(fd: number, data: Buffer, bytes: number, flags: number) => number>(
    libc, 'long send(int, void *, size_t, int)'),
  recv: declare<(fd: number, data: Buffer, bytes: number, flags: number) => number>(
    libc, 'long recv(int, void *, size_t, int)'),
  getsockopt: declare<(fd: number, level: number, option: number, value: Buffer, bytes: Buffer) => number>(
    libc, 'int getsockopt(int, int, int, void *, void *)'),
  close: declare<(fd: number) => number>(libc, 'int close(int)'),
  vsnprintf: declare<(text: Buffer, bytes: number, format: Pointer, args: Pointer) => number>(
    libc, 'int vsnprintf(void *, size_t, void *, void *)'),
};

/** Bytes of a memory page of this machine. */
export function pageSize(): number {
  return c.sysconf(SC_PAGESIZE);
}

/** Memory of a file, shared with whoever else maps it. After `unmap`, touching `memory` ends the process. */
export interface Mapping {
  readonly memory: ArrayBuffer;
  unmap(): void;
}

/** @param offset a multiple of the page size */
export function mapShared(fd: number, offset: number, bytes: number, writable: boolean): Mapping {
  const address = c.mmap(null, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
  if (address === MAP_FAILED || address === -1n) throw new KernelError('mmap', koffi.errno());
  return {
    memory: koffi.view(address, bytes),
    unmap: () => void checked('munmap', c.munmap(address, bytes)),
  };
}

/** Gives up memory that a library of this process has mapped. Whoever touches it afterwards ends the process. */
export function unmapRange(address: bigint, bytes: number): void {
  checked('munmap', c.munmap(address, bytes));
}

/** Makes the descriptor `fd` another name of `target`; what it was before is closed. */
export function replaceDescriptor(fd: number, target: number): void {
  checked('dup2', c.dup2(target, fd));
}

/** An anonymous file in memory. @returns its descriptor, closed on exec */
export function createMemfd(name: string): number {
  return checked('memfd_create', c.memfd_create(name, MFD_CLOEXEC));
}

/** Moves the calling thread into the network namespace that `fd` is open on. */
export function enterNetns(fd: number): void {
  checked('setns', c.setns(fd, CLONE_NEWNET));
}

/** Moves the calling thread into a new, empty network namespace. */
export function unshareNetns(): void {
  checked('unshare', c.unshare(CLONE_NEWNET));
}

/** Number of an interface in the calling thread's network namespace; 0 if there is none of this name. */
export function interfaceIndex(name: string): number {
  return c.if_nametoindex(name);
}

/**
 * A number for the calling thread's network namespace that no other gets before the next boot, unlike its inode's. Linux
 * 5.14 and newer (SO_NETNS_COOKIE); null on others.
 */
export function netnsCookie(): bigint | null {
  const AF_UNIX = 1;
  const SOCK_DGRAM_CLOEXEC = 2 | 0x8_0000;
  const SOL_SOCKET = 1;
  const SO_NETNS_COOKIE = 71;
  const fd = checked('socket', c.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
  try {
    const cookie = Buffer.alloc(8);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(cookie.length, 0);
    return c.getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, bytes) < 0 ? null : cookie.readBigUInt64LE(0);
  } finally {
    c.close(fd);
  }
}

/** An edge-triggered set of descriptors. */
export function createEpoll(): number {
  return checked('epoll_create1', c.epoll_create1(EPOLL_CLOEXEC));
}

/** @param tag what `readyTags` reports for this descriptor */
export function addToEpoll(epoll: number, fd: number, tag: number): void {
  const event = Buffer.alloc(EPOLL_EVENT_BYTES);
  event.writeUInt32LE((EPOLLIN | EPOLLET) >>> 0, 0);
  event.writeUInt32LE(tag, EPOLL_DATA_OFFSET);
  checked('epoll_ctl', c.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, event));
}

/** Tags of the descriptors that became readable since the last call; does not wait. */
export function readyTags(epoll: number, max: number): number[] {
  const events = Buffer.alloc(EPOLL_EVENT_BYTES * max);
  const count = c.epoll_wait(epoll, events, max, 0);
  const tags: number[] = [];
  for (let i = 0; i < count; i++) tags.push(events.readUInt32LE(i * EPOLL_EVENT_BYTES + EPOLL_DATA_OFFSET));
  return tags;
}

/** Calls back on the event loop when `fd` is readable, without keeping the process alive. @returns how to end it */
export function onReadable(fd: number, callback: () => void): () => void {
  const handle = koffi.node.poll(fd, { readable: true }, callback);
  handle.unref();
  return () => handle.close();
}

/** Opens a netlink route socket in the thread's namespace, sends one request, waits for its answer. @returns the answer */
export function routeRequest(message: Buffer): Buffer {
  const AF_NETLINK = 16;
  const SOCK_RAW_CLOEXEC = 3 | 0x8_0000;
  const NETLINK_ROUTE = 0;
  const fd = checked('socket', c.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE));
  try {
    checked('send', c.send(fd, message, message.length, 0));
    const answer = Buffer.alloc(8192);
    return answer.subarray(0, checked('recv', c.recv(fd, answer, answer.length, 0)));
  } finally {
    c.close(fd);
  }
}

// ---- libbpf ------------------------------------------------------------------------------------------------------

const SONAME = 'libbpf.so.1';

/** Attach types of `bpf_link_create` (enum bpf_attach_type, linux/bpf.h). */
export const BPF_CGROUP_INET_INGRESS = 0;
export const BPF_CGROUP_INET_EGRESS = 1;
export const BPF_TCX_INGRESS = 46;
export const BPF_TCX_EGRESS = 47;
/** Map type (enum bpf_map_type). */
export const BPF_MAP_TYPE_RINGBUF = 27;
/** Attach points of a tc hook (enum bpf_tc_attach_point, bpf/libbpf.h). */
export const BPF_TC_INGRESS = 1;
export const BPF_TC_EGRESS = 2;

const PRINT = koffi.proto('int', ['int', 'void *', 'void *']);

function loadLibbpf() {
  const lib = koffi.load(SONAME);
  return {
    libbpf_version_string: declare<() => string>(lib, 'const char *libbpf_version_string(void)'),
    libbpf_set_print: declare<(print: Pointer | null) => Pointer | null>(lib, 'void *libbpf_set_print(void *)'),
    libbpf_num_possible_cpus: fallible<[]>(lib, 'int libbpf_num_possible_cpus(void)'),
    bpf_object__open_file: declare<(path: string, opts: null) => Pointer | null>(
      lib, 'void *bpf_object__open_file(const char *, void *)'),
    bpf_object__load: fallible<[object: Pointer]>(lib, 'int bpf_object__load(void *)'),
    bpf_object__close: declare<(object: Pointer) => void>(lib, 'void bpf_object__close(void *)'),
    bpf_object__next_program: declare<(object: Pointer, previous: Pointer | null) => Pointer | null>(
      lib, 'void *bpf_object__next_program(void *, void *)'),
    bpf_object__find_map_by_name: declare<(object: Pointer, name: string) => Pointer | null>(
      lib, 'void *bpf_object__find_map_by_name(void *, const char *)'),
    bpf_program__name: declare<(program: Pointer) => string>(lib, 'const char *bpf_program__name(void *)'),
    bpf_program__set_autoload: fallible<[program: Pointer, load: boolean]>(
      lib, 'int bpf_program__set_autoload(void *, bool)'),
    bpf_program__fd: fallible<[program: Pointer]>(lib, 'int bpf_program__fd(void *)'),
    bpf_map__fd: fallible<[map: Pointer]>(lib, 'int bpf_map__fd(void *)'),
    bpf_map__set_max_entries: fallible<[map: Pointer, entries: number]>(
      lib, 'int bpf_map__set_max_entries(void *, uint32_t)'),
    bpf_map__set_initial_value: fallible<[map: Pointer, value: Memory, bytes: number]>(
      lib, 'int bpf_map__set_initial_value(void *, void *, size_t)'),
    bpf_map__reuse_fd: fallible<[map: Pointer, fd: number]>(lib, 'int bpf_map__reuse_fd(void *, int)'),
    bpf_map_create: fallible<
      [type: number, name: string, keyBytes: number, valueBytes: number, entries: number, opts: null]
    >(lib, 'int bpf_map_create(int, const char *, uint32_t, uint32_t, uint32_t, void *)'),
    bpf_map_update_elem: fallible<[fd: number, key: Memory, value: Memory, flags: number]>(
      lib, 'int bpf_map_update_elem(int, void *, void *, uint64_t)'),
    /** Writes to `value`. */
    bpf_map_lookup_elem: fallible<[fd: number, key: Memory, value: Memory]>(
      lib, 'int bpf_map_lookup_elem(int, void *, void *)'),
    bpf_link_create: fallible<[program: number, target: number, type: number, opts: null]>(
      lib, 'int bpf_link_create(int, int, int, void *)'),
    bpf_tc_hook_create: fallible<[hook: Buffer]>(lib, 'int bpf_tc_hook_create(void *)'),
    bpf_tc_attach: fallible<[hook: Buffer, opts: Buffer]>(
      lib, 'int bpf_tc_attach(void *, void *)'),
    bpf_tc_detach: fallible<[hook: Buffer, opts: Buffer]>(
      lib, 'int bpf_tc_detach(void *, void *)'),
  };
}

let loaded: ReturnType<typeof loadLibbpf> | null = null;

/**
 * The library's functions by their C names; see bpf/libbpf.h and bpf/bpf.h. Those that fail throw a KernelError.
 * @throws Error if the library is not installed
 */
export function libbpf(): ReturnType<typeof loadLibbpf> {
  loaded ??= loadLibbpf();
  return loaded;
}

/** struct bpf_tc_hook: size_t sz; int ifindex; u32 attach_point; u32 parent; padded to 8 bytes. */
export function tcHook(ifindex: number, attachPoint: number): Buffer {
  const hook = Buffer.alloc(24);
  hook.writeUInt32LE(hook.length, 0);
  hook.writeInt32LE(ifindex, 8);
  hook.writeUInt32LE(attachPoint, 12);
  return hook;
}

/** struct bpf_tc_opts: size_t sz; int prog_fd; u32 flags, prog_id, handle, priority; padded to 8 bytes. */
export function tcOpts(programFd: number, handle: number, priority: number): Buffer {
  const opts = Buffer.alloc(32);
  opts.writeUInt32LE(opts.length, 0);
  opts.writeInt32LE(programFd, 8);
  opts.writeUInt32LE(handle, 20);
  opts.writeUInt32LE(priority, 24);
  return opts;
}

const LOG_LINES = 40;

/**
 * Runs `step` and keeps what libbpf prints meanwhile; a KernelError gets the last lines of it, which is where the
 * verifier says what it refuses. Nothing is printed. Main thread only: libbpf has one print function per process.
 */
export function withLibbpfLog<T>(step: () => T): T {
  const lines: string[] = [];
  const text = Buffer.alloc(64 * 1024);
  const print = koffi.register((_level: number, format: Pointer, args: Pointer) => {
    const length = c.vsnprintf(text, text.length, format, args);
    lines.push(text.toString('utf8', 0, Math.max(0, Math.min(length, text.length - 1))).trimEnd());
    return 0;
  }, koffi.pointer(PRINT));
  libbpf().libbpf_set_print(print);
  try {
    return step();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const tail = lines.join('\n').split('\n').slice(-LOG_LINES).join('\n');
    error.message = `${error.message}${tail === '' ? '' : `\n${tail}`}`;
    throw error;
  } finally {
    libbpf().libbpf_set_print(null);
    koffi.unregister(print);
  }
}
