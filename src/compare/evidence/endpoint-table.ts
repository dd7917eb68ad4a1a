import type { ByteBudget } from '../../flow/budget.ts';
import type { Random } from '../../sketch/random.ts';
import type { EndpointComparison } from '../data.ts';
import { EndpointEvidence, type EvidenceLimits } from './endpoint-evidence.ts';
import { compareText } from './place-counts.ts';

export interface TableLimits extends EvidenceLimits {
  readonly endpoints: number;
}

/** What a worker keeps of one target. */
export const TABLE_LIMITS: TableLimits = { endpoints: 256, places: 128, signatures: 64, latency: 512 };

/** Of all endpoints that found no place. */
const OTHERS = { method: '*', template: 'others' } as const;

/** The endpoints of one target, by method and path template. Bounded; what finds no room is the endpoint `* others`. */
export class EndpointTable {
  /** Exchanges of endpoints that found no place. */
  folded = 0;
  readonly #byKey = new Map<string, EndpointEvidence>();
  readonly #limits: TableLimits;
  readonly #room: ByteBudget;
  readonly #random: Random;
  readonly #fold: (template: string) => string;
  #others: EndpointEvidence | null = null;

  /** @param fold a template as it is called by now */
  constructor(limits: TableLimits, room: ByteBudget, random: Random = Math.random, fold: (template: string) => string = (template) => template) {
    this.#limits = limits;
    this.#room = room;
    this.#random = random;
    this.#fold = fold;
  }

  /** Finds it, or makes room for it. */
  of(method: string, template: string): EndpointEvidence {
    const key = keyOf(method, template);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (method === OTHERS.method && template === OTHERS.template) return this.#orOthers(null);
    // Templates that have turned out to be one may give room.
    if (this.#byKey.size >= this.#limits.endpoints) this.#refold();
    return this.#orOthers(this.#byKey.size < this.#limits.endpoints ? this.#make(key, method, template) : null);
  }

  /** Takes up what is known elsewhere. */
  join(endpoints: readonly EndpointComparison[], folded: number): void {
    this.folded += folded;
    for (const endpoint of endpoints) this.of(endpoint.method, endpoint.template).join(endpoint);
  }

  /** By method and template. */
  data(): EndpointComparison[] {
    this.#refold();
    const all = [...this.#byKey.values(), ...(this.#others === null ? [] : [this.#others])];
    return all.map((endpoint) => endpoint.data()).sort((a, b) => compareText(a.method, b.method) || compareText(a.template, b.template));
  }

  /** Gives all its room back; it is not used any more. */
  release(): void {
    for (const endpoint of this.#byKey.values()) endpoint.release();
    this.#others?.release();
  }

  isOthers(endpoint: EndpointEvidence): boolean {
    return endpoint === this.#others;
  }

  /** There is always room for the one that takes what finds none. */
  #orOthers(endpoint: EndpointEvidence | null): EndpointEvidence {
    if (endpoint !== null) return endpoint;
    this.#others ??= new EndpointEvidence(OTHERS.method, OTHERS.template, this.#limits, this.#room, this.#random);
    return this.#others;
  }

  #make(key: string, method: string, template: string): EndpointEvidence | null {
    if (!this.#room.take(EndpointEvidence.bytesFor(this.#limits))) return null;
    const made = new EndpointEvidence(method, template, this.#limits, this.#room, this.#random);
    this.#byKey.set(key, made);
    return made;
  }

  #refold(): void {
    for (const [key, endpoint] of [...this.#byKey]) {
      const template = this.#fold(endpoint.template);
      if (template === endpoint.template) continue;
      this.#byKey.delete(key);
      const under = keyOf(endpoint.method, template);
      const there = this.#byKey.get(under);
      if (there === undefined) {
        endpoint.template = template;
        this.#byKey.set(under, endpoint);
      } else {
        const data = endpoint.data();
        endpoint.release();
        there.join(data);
      }
    }
  }
}

/** A method has no space in it. */
function keyOf(method: string, template: string): string {
  return `${method} ${template}`;
}
