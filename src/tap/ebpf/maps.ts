import { closeSync } from 'node:fs';
import { COUNTERS, type Counter } from './abi.ts';
import { BPF_MAP_TYPE_RINGBUF, libbpf } from './libbpf.ts';
import { loadObject, type LoadedObject, type ProgramName } from './object.ts';

const BPF_ANY = 0;
const NO_KEY = new Uint32Array(1);

/** The maps that all endpoints' programs share: rings, flow marks, whether there is HTTP/2, and counters. */
export class SharedMaps {
  /** One ring for each worker. */
  readonly ringFds: readonly number[];
  readonly #template: LoadedObject;

  /**
   * Loads the object once without an endpoint, which makes the maps and proves that the kernel takes the programs.
   * @param ringBytes a power of two, and a multiple of the page size
   * @throws KernelError
   */
  constructor(objectPath: string, rings: number, ringBytes: number, programs: readonly ProgramName[]) {
    this.#template = loadObject(objectPath, { programs, config: null, ports: null, shared: null, rings });
    const ringFds: number[] = [];
    this.ringFds = ringFds;
    try {
      for (let i = 0; i < rings; i++) {
        const fd = libbpf().bpf_map_create(BPF_MAP_TYPE_RINGBUF, `tap_ring_${i}`, 0, 0, ringBytes, null);
        ringFds.push(fd);
        const index = new Uint32Array([i]);
        libbpf().bpf_map_update_elem(this.ringsFd, index, new Uint32Array([fd]), BPF_ANY);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get ringsFd(): number {
    return this.#template.mapFd('rings');
  }

  get marksFd(): number {
    return this.#template.mapFd('marks');
  }

  get http2SeenFd(): number {
    return this.#template.mapFd('http2_seen');
  }

  get countersFd(): number {
    return this.#template.mapFd('counters');
  }

  /** Sums over all CPUs. */
  counters(): Record<Counter, number> {
    const cpus = libbpf().libbpf_num_possible_cpus();
    const perCpu = Buffer.alloc(cpus * COUNTERS.length * 8);
    libbpf().bpf_map_lookup_elem(this.countersFd, NO_KEY, perCpu);
    const sums = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<Counter, number>;
    for (let cpu = 0; cpu < cpus; cpu++) {
      COUNTERS.forEach((name, i) => (sums[name] += Number(perCpu.readBigUInt64LE((cpu * COUNTERS.length + i) * 8))));
    }
    return sums;
  }

  close(): void {
    for (const fd of this.ringFds) closeSync(fd);
    this.#template.close();
  }
}
