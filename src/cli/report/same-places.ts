import type { EndpointReport, FieldReport } from '../../compare/report.ts';
import { count, nameOf } from './words.ts';

/** Endpoints at which a place has to differ alike to be told once for all of them. */
const MANY = 4;
/** Endpoints that are named. */
const NAMED = 2;

/** One place, at one endpoint or at several where it is the same thing. */
export interface PlaceRow {
  readonly endpoints: string;
  /** Of the first endpoint, as `because` is. */
  readonly field: FieldReport;
  /** Of all of them. */
  readonly count: number;
  readonly share: number;
  readonly because: string;
}

interface At {
  readonly endpoint: EndpointReport;
  readonly field: FieldReport;
}

/**
 * What differs everywhere alike, such as a header with the version, is one thing to look at, and takes one row.
 * @param which of `fields` only those with the same examples are alike; what is noise is so wherever it is
 * @returns in the order in which they come first
 */
export function placeRows(endpoints: readonly EndpointReport[], which: 'fields' | 'noise'): PlaceRow[] {
  const all = endpoints.flatMap((endpoint) => endpoint[which].map((field): At => ({ endpoint, field })));
  const alike = Map.groupBy(all, ({ field: { where, kind, undecided, examples } }) => JSON.stringify([where, kind, undecided, which === 'fields' ? examples : []]));
  return [...alike.values()].flatMap((group) => (group.length < MANY ? group.map((at) => rowOf([at])) : [rowOf(group)]));
}

function rowOf(group: readonly At[]): PlaceRow {
  const { endpoint, field } = group[0]!;
  const name = nameOf(endpoint);
  if (group.length === 1) return { endpoints: name, field, count: field.count, share: field.share, because: field.because };
  const sum = (of: (at: At) => number): number => group.reduce((total, at) => total + of(at), 0);
  const differ = sum((at) => at.field.count);
  const named = group.slice(0, NAMED).map((at) => nameOf(at.endpoint));
  return {
    endpoints: `${count(group.length)} endpoints: ${named.join(', ')} and ${count(group.length - NAMED)} more`,
    field,
    count: differ,
    share: differ / sum((at) => at.endpoint.counts.compared),
    because: `${name}: ${field.because}`,
  };
}
