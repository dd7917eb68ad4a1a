import { describe, expect, it } from 'vitest';
import { BAD, GOOD } from './cases/transforms.ts';
import { complaints, policyDocument } from './support.ts';

describe('good values', () => {
  it.each(GOOD)('are taken: %s', (_, spec) => {
    expect(complaints(policyDocument(spec))).toEqual([]);
  });
});

describe('bad values', () => {
  it.each(BAD)('are refused: %j', (spec, complaint) => {
    expect(complaints(policyDocument(spec))).toEqual([complaint]);
  });
});
