import { describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import { Exchange, HttpRequest, type Framing } from '../../src/http/exchange.ts';
import { MemoryGuard } from '../../src/worker/memory-guard.ts';

const flow = (id: number) => ({ id, endpoint: 1, clientAddress: '10.0.0.1', clientPort: id, serverAddress: '10.0.0.2', serverPort: 80 });

function request(from: ReturnType<typeof flow>, index: number, framing: Framing = 'none', declaredLength = -1): Exchange {
  const exchange = new Exchange(from, index);
  exchange.request = Object.assign(new HttpRequest(), { framing, declaredLength });
  return exchange;
}

function guardAt(percent: number): { guard: MemoryGuard; budget: ByteBudget } {
  const budget = new ByteBudget(1000);
  budget.take(percent * 10);
  return { guard: new MemoryGuard(budget), budget };
}

describe('when memory runs short', () => {
  it('nothing is left out below three quarters', () => {
    expect(guardAt(74).guard.admits(request(flow(1), 0, 'length', 1 << 20))).toBe(true);
  });

  it('large requests are left out first, and those of unknown length', () => {
    const { guard } = guardAt(75);
    expect(guard.admits(request(flow(1), 0, 'length', 16_385))).toBe(false);
    expect(guard.admits(request(flow(1), 1, 'chunked'))).toBe(false);
    expect(guard.admits(request(flow(1), 2, 'length', 16_384))).toBe(true);
    expect(guard.admits(request(flow(2), 0))).toBe(true);
  });

  it('then connections that have just come are left out as a whole, and older ones go on', () => {
    const { guard, budget } = guardAt(70);
    const [old, late] = [flow(1), flow(2)];
    expect(guard.admits(request(old, 0))).toBe(true);
    budget.take(200);
    expect(guard.admits(request(late, 0))).toBe(false);
    expect(guard.admits(request(old, 1))).toBe(true);
    budget.give(100);
    expect(guard.admits(request(late, 1))).toBe(false);
    budget.give(100);
    expect(guard.admits(request(late, 2))).toBe(true);
    budget.take(200);
    expect(guard.admits(request(late, 3))).toBe(true);
  });
});
