import { randomBytes } from 'node:crypto';

/** So that nobody outside can choose texts that are counted as one. */
const SEED = randomBytes(4).readInt32LE();

/**
 * How many different texts a stream has, in `2 ** precision` bytes: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with
 * linear counting (Whang, Vander-Zanden, Taylor, 1990) while they are few. The standard error is `1.04 / 2 ** (precision / 2)`:
 * 3.3 % for 10, 6.5 % for 8; less while they are few.
 */
export class Distinct {
  readonly #precision: number;
  readonly #registers: Uint8Array;

  /** @param precision 4 to 16 */
  constructor(precision = 10) {
    this.#precision = precision;
    this.#registers = new Uint8Array(1 << precision);
  }

  add(text: string): void {
    const hash = hashOf(text);
    const register = hash >>> (32 - this.#precision);
    // The bit at the end bounds the run of zeros.
    const rank = Math.clz32((hash << this.#precision) | (1 << (this.#precision - 1))) + 1;
    if (rank > this.#registers[register]!) this.#registers[register] = rank;
  }

  estimate(): number {
    const size = this.#registers.length;
    let zeros = 0;
    let sum = 0;
    for (const rank of this.#registers) {
      if (rank === 0) zeros++;
      sum += 2 ** -rank;
    }
    const raw = (alphaOf(size) * size * size) / sum;
    if (raw <= 2.5 * size && zeros > 0) return size * Math.log(size / zeros);
    // Of so many, some share their 32 bits.
    return raw <= 2 ** 32 / 30 ? raw : -(2 ** 32) * Math.log1p(-raw / 2 ** 32);
  }

  clear(): void {
    this.#registers.fill(0);
  }
}

function alphaOf(size: number): number {
  return size === 16 ? 0.673 : size === 32 ? 0.697 : size === 64 ? 0.709 : 0.7213 / (1 + 1.079 / size);
}

/** MurmurHash3 of 32 bits, with a character where it has four bytes; texts longer than this are told apart by their beginning, end and length. */
const LONG = 512;

function hashOf(text: string): number {
  const { length } = text;
  let hash = SEED;
  for (let i = 0; i < length; i++) {
    if (i === LONG / 2 && length > LONG) i = length - LONG / 2;
    let word = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
