import { KernelError, libbpf, withLibbpfLog } from './libbpf.ts';

/** The programs in bpf/tap.bpf.c. */
export type ProgramName =
  | 'tap_tc_ingress'
  | 'tap_tc_egress'
  | 'tap_tc_either'
  | 'tap_cgroup_ingress'
  | 'tap_cgroup_egress';

/** Descriptors of the maps that an instance shares with the others. */
export interface SharedMapFds {
  readonly ringsFd: number;
  readonly marksFd: number;
  readonly http2SeenFd: number;
  readonly countersFd: number;
}

export interface ObjectOptions {
  /** Only these are loaded. */
  readonly programs: readonly ProgramName[];
  /** `struct tap_config`; null leaves it zero. */
  readonly config: Buffer | null;
  /** The port bitmap; null leaves it empty. */
  readonly ports: Uint32Array<ArrayBuffer> | null;
  /** Maps to use; null makes new ones, with room for `rings` rings. */
  readonly shared: SharedMapFds | null;
  readonly rings: number;
}

/** One loaded instance of the BPF object. */
export interface LoadedObject {
  programFd(name: ProgramName): number;
  mapFd(name: string): number;
  /** Replaces the port bitmap while the programs run. A packet meanwhile sees a mixture of the two. */
  setPorts(ports: Uint32Array<ArrayBuffer>): void;
  /** What is attached by link stays until the link is closed too. */
  close(): void;
}

const CONFIG_MAP = '.rodata.config';
const PORTS_MAP = '.data.ports';
const BPF_ANY = 0;
const NO_KEY = new Uint32Array(1);

/** Opens, sets up and loads the BPF object. @throws KernelError, with the verifier's last words */
export function loadObject(path: string, options: ObjectOptions): LoadedObject {
  return withLibbpfLog(() => load(path, options));
}

function load(path: string, options: ObjectOptions): LoadedObject {
  const lib = libbpf();
  const object = lib.bpf_object__open_file(path, null);
  if (object === null) throw new KernelError(`bpf_object__open_file ${path}`, 0);

  const map = (name: string): bigint => {
    const found = lib.bpf_object__find_map_by_name(object, name);
    if (found === null) throw new KernelError(`the BPF object has no map ${name}`, 0);
    return found;
  };
  try {
    const programs = new Map<string, bigint>();
    for (let p = lib.bpf_object__next_program(object, null); p !== null; p = lib.bpf_object__next_program(object, p)) {
      programs.set(lib.bpf_program__name(p), p);
    }
    for (const [name, program] of programs) {
      lib.bpf_program__set_autoload(program, options.programs.some((wanted) => wanted === name));
    }
    if (options.config) lib.bpf_map__set_initial_value(map(CONFIG_MAP), options.config, options.config.byteLength);
    if (options.ports) lib.bpf_map__set_initial_value(map(PORTS_MAP), options.ports, options.ports.byteLength);
    if (options.shared) {
      lib.bpf_map__reuse_fd(map('rings'), options.shared.ringsFd);
      lib.bpf_map__reuse_fd(map('marks'), options.shared.marksFd);
      lib.bpf_map__reuse_fd(map('http2_seen'), options.shared.http2SeenFd);
      lib.bpf_map__reuse_fd(map('counters'), options.shared.countersFd);
    } else {
      lib.bpf_map__set_max_entries(map('rings'), options.rings);
    }
    lib.bpf_object__load(object);
    return {
      programFd: (name) => {
        const program = programs.get(name);
        if (program === undefined) throw new KernelError(`the BPF object has no program ${name}`, 0);
        return lib.bpf_program__fd(program);
      },
      mapFd: (name) => lib.bpf_map__fd(map(name)),
      setPorts: (ports) => void lib.bpf_map_update_elem(lib.bpf_map__fd(map(PORTS_MAP)), NO_KEY, ports, BPF_ANY),
      close: () => lib.bpf_object__close(object),
    };
  } catch (error) {
    lib.bpf_object__close(object);
    throw error;
  }
}
