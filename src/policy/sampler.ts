/** A source of randomness: uniform in [0, 1). */
export type Random = () => number;

export interface SampleRule {
  readonly percent?: number;
  readonly fraction?: { readonly numerator: number; readonly denominator: number };
}

/** Admits a share of what it is asked about, each time by a fresh draw; all and none need no draw. */
export class Sampler {
  readonly #numerator: number;
  readonly #denominator: number;
  readonly #random: Random;

  constructor(numerator: number, denominator: number, random: Random) {
    this.#numerator = numerator;
    this.#denominator = denominator;
    this.#random = random;
  }

  /** @param rule not given means all */
  static of(rule: SampleRule | undefined, random: Random): Sampler {
    if (rule?.fraction !== undefined) return new Sampler(rule.fraction.numerator, rule.fraction.denominator, random);
    return new Sampler(rule?.percent ?? 100, 100, random);
  }

  admits(): boolean {
    if (this.#numerator >= this.#denominator) return true;
    return this.#numerator > 0 && this.#random() * this.#denominator < this.#numerator;
  }
}
