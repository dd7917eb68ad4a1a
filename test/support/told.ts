import type { NotCompared } from '../../src/compare/answer.ts';
import type { InsightData } from '../../src/insight.ts';

/** What an agent tells of an endpoint whose answers it compares. */
export interface Told {
  readonly compared: number;
  /** Exchanges by the places that differed. */
  readonly different: Readonly<Record<string, number>>;
  readonly notCompared: Partial<Record<NotCompared, number>>;
}

/** By method and template. */
export function toldOf({ compare }: InsightData): Record<string, Told> {
  const rows = compare.policies.flatMap(({ endpoints }) => endpoints).map(({ method, template, compared, notCompared, signatures, places }) => {
    const different = signatures.map(({ places: at, count }) => [at.map((place) => places[place]!.where).join(', '), count] as const);
    return [`${method} ${template}`, { compared, different: Object.fromEntries(different), notCompared }] as const;
  });
  return Object.fromEntries(rows);
}
