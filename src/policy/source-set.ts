import { isIP } from 'node:net';
import { parseCidr, type Cidr } from './cidr.ts';
import type { MirrorPolicy, NetworkPeer } from './schema.ts';
import { selects } from './selector.ts';
import type { SnapshotPeer } from './snapshot.ts';

/** Sources that were looked up are remembered, up to this many: clients come back, and addresses are theirs to choose. */
const MAX_REMEMBERED = 4096;

/** The sources that a policy's `from` takes, compiled. */
export class SourceSet {
  readonly #addresses: ReadonlySet<string>;
  readonly #blocks: readonly Block[];
  readonly #remembered = new Map<string, boolean>();

  private constructor(addresses: ReadonlySet<string>, blocks: readonly Block[]) {
    this.#addresses = addresses;
    this.#blocks = blocks;
  }

  /** @returns null where every source is taken */
  static of({ metadata, spec }: MirrorPolicy, peers: readonly SnapshotPeer[]): SourceSet | null {
    if (spec.from.length === 0) return null;
    const addresses = new Set<string>();
    for (const peer of peers) {
      if (!spec.from.some((entry) => takesPeer(entry, peer, metadata.namespace))) continue;
      for (const address of peer.addresses) addresses.add(address);
    }
    return new SourceSet(addresses, spec.from.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [new Block(ipBlock)])));
  }

  /** @param address as `FlowInfo` has it */
  has(address: string): boolean {
    const known = this.#remembered.get(address);
    if (known !== undefined) return known;
    const found = this.#addresses.has(address) || this.#inBlock(address);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(address, found);
    return found;
  }

  #inBlock(address: string): boolean {
    const family = isIP(address);
    return this.#blocks.some((block) => block.contains(address, family));
  }
}

class Block {
  readonly #cidr: Cidr;
  readonly #except: readonly Cidr[];

  constructor({ cidr, except }: NonNullable<NetworkPeer['ipBlock']>) {
    this.#cidr = parsed(cidr);
    this.#except = except.map(parsed);
  }

  contains(address: string, family: number): boolean {
    if (family !== this.#cidr.family || !this.#cidr.contains(address)) return false;
    return !this.#except.some((cidr) => cidr.contains(address));
  }
}

function parsed(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === null) throw new RangeError(`${text} is no block of addresses`);
  return cidr;
}

/** As Kubernetes reads a NetworkPolicyPeer: pods alone are those of the policy's own namespace. @param namespace of the policy */
export function takesPeer({ podSelector, namespaceSelector }: NetworkPeer, peer: SnapshotPeer, namespace: string): boolean {
  if (podSelector === undefined && namespaceSelector === undefined) return false;
  if (podSelector !== undefined && !selects(podSelector, peer.labels)) return false;
  return namespaceSelector === undefined ? peer.namespace === namespace : selects(namespaceSelector, peer.namespaceLabels);
}
