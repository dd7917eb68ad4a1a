import { expect } from 'vitest';

/** Equal but for what floating-point arithmetic loses: eight digits are the same. */
export function expectClose(actual: number, expected: number): void {
  expect(Math.abs(actual - expected), `${actual} should be ${expected}`).toBeLessThanOrEqual(1e-8 * Math.abs(expected) + 1e-13);
}
