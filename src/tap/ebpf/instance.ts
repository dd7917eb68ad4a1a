import { readFileSync } from 'node:fs';
import { ShadowtapError } from '../../errors.ts';
import type { Endpoint } from '../tap.ts';
import {
  ADDRESS_BYTES,
  CONFIG_ADDRESSES,
  CONFIG_ADDRESS_COUNT,
  CONFIG_BYTES,
  CONFIG_ENDPOINT,
  CONFIG_RESERVE_BYTES,
  CONFIG_RESYNC_BYTES,
  CONFIG_RINGS,
  CONFIG_WAKE_BYTES,
  MAX_ADDRESSES,
  PORT_WORDS,
} from './abi.ts';
import { addressBytes } from './addresses.ts';
import { loadObject, type LoadedObject, type ProgramName, type SharedMapFds } from './object.ts';

/** What all instances of one tap have in common. */
export interface InstanceSettings {
  readonly objectPath: string;
  readonly rings: number;
  readonly ringBytes: number;
  readonly shared: SharedMapFds;
}

/** How often and for how long a program ran; zeros while kernel.bpf_stats_enabled is off. */
export interface ProgramCost {
  ns: number;
  runs: number;
}

/** The BPF programs of one endpoint: its number, ports and addresses are theirs alone. */
export class Instance {
  readonly #object: LoadedObject;
  readonly #programs: readonly ProgramName[];

  /** @throws ShadowtapError ENDPOINT, KernelError */
  constructor(settings: InstanceSettings, endpoint: Endpoint, programs: readonly ProgramName[]) {
    this.#programs = programs;
    this.#object = loadObject(settings.objectPath, {
      programs,
      config: configOf(settings, endpoint),
      ports: portBitmap(endpoint.ports),
      shared: settings.shared,
      rings: settings.rings,
    });
  }

  readonly programFd = (name: ProgramName): number => this.#object.programFd(name);

  setPorts(ports: readonly number[]): void {
    this.#object.setPorts(portBitmap(ports));
  }

  cost(): ProgramCost {
    const sum = { ns: 0, runs: 0 };
    for (const name of this.#programs) {
      const info = readFileSync(`/proc/self/fdinfo/${this.programFd(name)}`, 'utf8');
      sum.ns += Number(/^run_time_ns:\s*(\d+)/m.exec(info)?.[1] ?? 0);
      sum.runs += Number(/^run_cnt:\s*(\d+)/m.exec(info)?.[1] ?? 0);
    }
    return sum;
  }

  close(): void {
    this.#object.close();
  }
}

/** Share of a ring whose filling wakes the reader, below which shed flows may come back, and above which HTTP/2 alone has room. */
const WAKE_SHARE = 1 / 4;
const RESYNC_SHARE = 1 / 2;
const RESERVE_SHARE = 3 / 4;

function configOf({ rings, ringBytes }: InstanceSettings, { id, name, location }: Endpoint): Buffer {
  const addresses = location.addresses ?? [];
  if (addresses.length > MAX_ADDRESSES) {
    throw new ShadowtapError('ENDPOINT', `${name} has ${addresses.length} addresses; at most ${MAX_ADDRESSES} can be tapped`);
  }
  const config = Buffer.alloc(CONFIG_BYTES);
  config.writeUInt32LE(id, CONFIG_ENDPOINT);
  config.writeUInt32LE(rings, CONFIG_RINGS);
  config.writeUInt32LE(ringBytes * WAKE_SHARE, CONFIG_WAKE_BYTES);
  config.writeUInt32LE(ringBytes * RESYNC_SHARE, CONFIG_RESYNC_BYTES);
  config.writeUInt32LE(ringBytes * RESERVE_SHARE, CONFIG_RESERVE_BYTES);
  config.writeUInt32LE(addresses.length, CONFIG_ADDRESS_COUNT);
  addresses.forEach((address, i) => {
    const bytes = addressBytes(address);
    if (bytes === null) throw new ShadowtapError('ENDPOINT', `${name} has an address that is not an IP address: ${address}`);
    bytes.copy(config, CONFIG_ADDRESSES + i * ADDRESS_BYTES);
  });
  return config;
}

function portBitmap(ports: readonly number[]): Uint32Array<ArrayBuffer> {
  const bitmap = new Uint32Array(PORT_WORDS);
  for (const port of ports) bitmap[port >> 5]! |= 1 << (port & 31);
  return bitmap;
}
