/** A source of randomness: uniform in [0, 1). */
export type Random = () => number;

/** Where a sampler's numbers come from. */
export interface Draw {
  /** Uniform in [0, 1). @param label of the sampler: draws of different labels do not depend on each other */
  uniform(label: string): number;
}

/** A fresh number each time. */
export class RandomDraw implements Draw {
  readonly uniform: Random;

  constructor(random: Random) {
    this.uniform = random;
  }
}

export interface SampleRule {
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator: number };
}

/** Admits a share of what it is asked about; all and none need no draw. */
export class Sampler {
  readonly #numerator: number;
  readonly #denominator: number;
  readonly #label: string;

  constructor(numerator: number, denominator: number, label: string) {
    this.#numerator = numerator;
    this.#denominator = denominator;
    this.#label = label;
  }

  /** @param rule not given means all */
  static of(rule: SampleRule | undefined, label: string): Sampler {
    if (rule?.fraction !== undefined) return new Sampler(rule.fraction.numerator, rule.fraction.denominator, label);
    return new Sampler(rule?.percent ?? 100, 100, label);
  }

  /** @param part 0 to 1: of the share, so much is admitted now */
  admits(draw: Draw, part = 1): boolean {
    const numerator = this.#numerator * part;
    if (numerator >= this.#denominator) return true;
    return numerator > 0 && draw.uniform(this.#label) * this.#denominator < numerator;
  }
}
