import { describe, expect, it } from 'vitest';
import { Governor, type GovernorLimits } from '../../src/agent/governor.ts';

/** A node whose load answers to the governor's share. */
class Node {
  readonly governor: Governor;
  #nowUs = 0;
  #cpuUs = 0;
  #stalledUs = 0;

  constructor(limits: GovernorLimits) {
    this.governor = new Governor(limits);
    this.#read();
  }

  /** Half a second. @param cpu cores, @param pressure percent, that full mirroring would cause */
  step(cpu: number, pressure: number): number {
    const { share } = this.governor;
    this.#nowUs += 500_000;
    this.#cpuUs += cpu * share * 500_000;
    this.#stalledUs += (pressure / 100) * share * 500_000;
    this.#read();
    return this.governor.share;
  }

  steps(count: number, cpu: number, pressure = 0): number[] {
    return Array.from({ length: count }, () => this.step(cpu, pressure));
  }

  #read(): void {
    this.governor.observe({ nowUs: this.#nowUs, cpuUs: this.#cpuUs, stalledUs: this.#stalledUs });
  }
}

describe('the governor', () => {
  it('lets everything through while there is room', () => {
    expect(new Node({ cpuBudget: 1, cpuPressure: 50 }).steps(10, 0.5, 20)).toEqual(Array(10).fill(1));
  });

  it('falls smoothly to what the budget allows, and stays there', () => {
    const shares = new Node({ cpuBudget: 0.25, cpuPressure: null }).steps(60, 1);
    for (const [i, share] of shares.slice(1).entries()) expect(share).toBeGreaterThanOrEqual(shares[i]! * 0.5 - 1e-9);
    for (const share of shares.slice(-10)) {
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.26);
    }
  });

  it('gives way to the pressure on the node', () => {
    const shares = new Node({ cpuBudget: null, cpuPressure: 20 }).steps(60, 0, 80);
    expect(shares.at(-1)).toBeGreaterThan(0.2);
    expect(shares.at(-1)).toBeLessThan(0.26);
  });

  it('never falls to nothing and recovers from the lowest point', () => {
    const node = new Node({ cpuBudget: 0.001, cpuPressure: null });
    expect(node.steps(100, 8).at(-1)).toBe(0.01);
    const recovery = node.steps(60, 0);
    expect(recovery.at(-1)).toBe(1);
    // No cliff on the way up either.
    for (const [i, share] of recovery.slice(1).entries()) expect(share - recovery[i]!).toBeLessThanOrEqual(0.1 + 1e-9);
  });

  it('does without pressure figures where the kernel has none, and survives a clock that stands still', () => {
    const governor = new Governor({ cpuBudget: null, cpuPressure: 10 });
    for (const nowUs of [0, 500_000, 500_000, 1_000_000]) governor.observe({ nowUs, cpuUs: nowUs * 9, stalledUs: null });
    expect(governor.share).toBe(1);
  });
});
