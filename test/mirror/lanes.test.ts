import { describe, expect, it } from 'vitest';
import { Lanes } from '../../src/mirror/lanes.ts';

describe('lanes', () => {
  it('let one item of each lane through at a time, in order', () => {
    const lanes = new Lanes<number>();
    const [a, b] = [{}, {}];
    expect([lanes.enter(a, 1), lanes.enter(a, 2), lanes.enter(b, 3), lanes.enter(a, 4)]).toEqual([true, false, true, false]);
    expect([lanes.leave(a), lanes.leave(b), lanes.leave(a), lanes.leave(a)]).toEqual([2, undefined, 4, undefined]);
  });

  it('remember nothing of a lane in which nothing is', () => {
    const lanes = new Lanes<number>();
    const lane = {};
    lanes.enter(lane, 1);
    expect(lanes.isBusy(lane)).toBe(true);
    lanes.leave(lane);
    expect(lanes.isBusy(lane)).toBe(false);
  });
});
