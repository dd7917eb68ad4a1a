const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 9 });

/** 1234 as `1,234`. */
export function count(value: number): string {
  return NUMBER.format(value);
}

/** A share of 0.00234 as `0.23 %`. */
export function percent(share: number): string {
  return `${digits(share * 100)} %`;
}

/** A difference of shares of 0.0123 as `1.2`. */
export function points(difference: number): string {
  return digits(difference * 100);
}

/** Microseconds as `0.42 ms`. */
export function milliseconds(us: number): string {
  return `${digits(us / 1000)} ms`;
}

/** `1 answer`, `2 answers`. */
export function counted(value: number, noun: string, nouns = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

/** A confidence of 0.99643 as `99.64 %`: never more than it is. */
export function level(confidence: number): string {
  return `${NUMBER.format(Math.floor(confidence * 10_000 + 1e-6) / 100)} %`;
}

/** Two digits that say something, three from 10 on, and whole numbers whole. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return NUMBER.format(size >= 100 ? Math.round(value) : Number(value.toPrecision(size >= 10 ? 3 : 2)));
}
