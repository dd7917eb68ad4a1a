import { describe, expect, it } from 'vitest';
import { placeRows } from '../../../src/cli/report/same-places.ts';
import { renderText } from '../../../src/cli/report/text.ts';
import type { EndpointReport, FieldReport } from '../../../src/compare/report.ts';
import { sampleReport } from './sample.ts';

const [SAMPLE] = sampleReport().policies[0]!.endpoints;

/** A header with the version that differs at so many endpoints, and a field of one's own at each. */
function endpoints(number: number, mirror = (_: number): string => 'text of 2 characters'): EndpointReport[] {
  const field = (where: string, example: string): FieldReport => ({
    where, kind: 'header', count: 600, share: 0.5, undecided: false, because: 'production is steady', examples: [{ production: 'text of 2 characters', mirror: example }],
  });
  return Array.from({ length: number }, (_, i) => ({ ...SAMPLE!, template: `/${i}`, fields: [field('header x-build', mirror(i)), field(`header x-${i}`, 'a')], noise: [field('header x-at', `${i}`)] }));
}

describe('a place that differs alike at many endpoints', () => {
  it('takes one row with all of its exchanges, and others keep their own', () => {
    const rows = placeRows(endpoints(5), 'fields');
    expect(rows).toHaveLength(6);
    expect(rows[0]).toMatchObject({ endpoints: '5 endpoints: GET /0, GET /1 and 3 more', count: 3_000, share: 0.5, because: 'GET /0: production is steady' });
    expect(rows[1]).toMatchObject({ endpoints: 'GET /0', count: 600, share: 0.5, because: 'production is steady' });
  });

  it('is told for each where examples say that it differs otherwise, or where endpoints are few', () => {
    expect(placeRows(endpoints(5, (i) => `${i}`), 'fields')).toHaveLength(10);
    expect(placeRows(endpoints(3), 'fields')).toHaveLength(6);
  });

  it('is told once whatever its examples where it is noise', () => {
    expect(placeRows(endpoints(5), 'noise')).toHaveLength(1);
  });
});

describe('a table of what differs', () => {
  it('says how values can be seen where masked ones read alike, and else does not', () => {
    const text = (all: EndpointReport[]): string => renderText({ ...sampleReport(), policies: [{ ...sampleReport().policies[0]!, endpoints: all }] });
    expect(text(endpoints(5))).toContain('`examples: Values`');
    expect(text(endpoints(5, () => 'text of 3 characters'))).not.toContain('Values');
  });

  it('says why it has no values where the viewer or the policy lets none be shown', () => {
    const [policy] = sampleReport().policies;
    const unseen = endpoints(1).map((endpoint) => ({ ...endpoint, fields: endpoint.fields.map((field) => ({ ...field, examples: [] })) }));
    expect(renderText({ ...sampleReport(), policies: [{ ...policy!, endpoints: unseen }] })).toContain('No values are shown: this takes the token');
    expect(renderText(sampleReport())).not.toContain('No values');
  });
});
