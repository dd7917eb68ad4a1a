import type { EndpointComparison } from '../data.ts';
import type { DifferenceKind } from '../difference.ts';
import type { PlaceJudgement } from './noise.ts';

/** Exchanges of an endpoint by what their differences are taken for. compared = equal + noise + undecided + sure. */
export interface Classified {
  readonly equal: number;
  readonly noise: number;
  /** Differ at a place that is a finding. */
  readonly sure: number;
  /** Differ, and not by noise alone, at places of which too little is known. */
  readonly undecided: number;
  /** Of those that are sure or undecided; an exchange may have several. */
  readonly kinds: Readonly<Partial<Record<DifferenceKind, number>>>;
  /** Signatures do not show all: `sure` and `undecided` are upper bounds. */
  readonly isUpperBound: boolean;
}

/** @param judged in the order of `endpoint.places` */
export function classify({ compared, signatures, places }: EndpointComparison, judged: readonly PlaceJudgement[]): Classified {
  const kinds: Partial<Record<DifferenceKind, number>> = {};
  let differed = 0;
  let sure = 0;
  let undecided = 0;
  for (const { places: at, count } of signatures) {
    differed += count;
    const telling = at.filter((place) => judged[place]!.standing !== 'noise');
    if (telling.some((place) => judged[place]!.standing === 'finding')) sure += count;
    else if (telling.length > 0) undecided += count;
    for (const kind of new Set(telling.map((place) => places[place]!.kind))) kinds[kind] = (kinds[kind] ?? 0) + count;
  }
  let isUpperBound = false;
  places.forEach(({ unlisted, kind }, i) => {
    const { standing } = judged[i]!;
    if (unlisted === 0 || standing === 'noise') return;
    isUpperBound = true;
    if (standing === 'finding') sure += unlisted;
    else undecided += unlisted;
    kinds[kind] = (kinds[kind] ?? 0) + unlisted;
  });
  sure = Math.min(sure, differed);
  undecided = Math.min(undecided, differed - sure);
  for (const kind of Object.keys(kinds) as DifferenceKind[]) kinds[kind] = Math.min(kinds[kind]!, sure + undecided);
  return { equal: compared - differed, noise: differed - sure - undecided, sure, undecided, kinds, isUpperBound };
}
