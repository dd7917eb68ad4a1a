import { describe, expect, it } from 'vitest';
import { selects } from '../../src/policy/selector.ts';
import { policy } from './support.ts';

const LABELS = { app: 'checkout', tier: 'web', empty: '' };

describe('a label selector', () => {
  it.each<[Record<string, unknown>, boolean]>([
    [{}, true],
    [{ matchLabels: { app: 'checkout' } }, true],
    [{ matchLabels: { app: 'checkout', tier: 'db' } }, false],
    [{ matchLabels: { missing: 'x' } }, false],
    [{ matchLabels: { empty: '' } }, true],
    [{ matchLabels: { missing: '' } }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['cart', 'checkout'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['cart'] }] }, false],
    [{ matchExpressions: [{ key: 'missing', operator: 'In', values: ['x'] }] }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['cart'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['checkout'] }] }, false],
    [{ matchExpressions: [{ key: 'missing', operator: 'NotIn', values: ['x'] }] }, true],
    [{ matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'missing', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'missing', operator: 'DoesNotExist' }] }, true],
    [{ matchExpressions: [{ key: 'empty', operator: 'DoesNotExist' }] }, false],
    [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
    [{ matchLabels: { app: 'checkout' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['db'] }] }, false],
  ])('%j selects: %s', (selector, expected) => {
    expect(selects(policy({ selector }).spec.selector, LABELS)).toBe(expected);
  });
});
