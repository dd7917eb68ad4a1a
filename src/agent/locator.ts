import { isDeepStrictEqual } from 'node:util';
import type { EndpointEntry } from '../config/agent-schema.ts';
import { locate } from '../config/locate.ts';
import { ShadowtapError } from '../errors.ts';
import type { PodLocator, PodPlace } from '../kube/pod-location.ts';
import type { EndpointLocation } from '../tap/tap.ts';

/** Where to look for an endpoint: as the configuration says, or as a pod of this node. */
export type Whereabouts = EndpointEntry | PodWhereabouts;

export interface PodWhereabouts {
  readonly pod: PodPlace;
}

/** Finds where an endpoint's packets pass just now. @throws ShadowtapError ENDPOINT */
export type Locate = (where: Whereabouts) => EndpointLocation;

/** @param pods null: the agent looks for no pods */
export function locator(pods: PodLocator | null): Locate {
  return (where) => {
    if (!isPod(where)) return locate(where);
    if (pods === null) throw new ShadowtapError('INTERNAL', 'a pod is to be tapped by an agent that looks for none');
    return pods.locate(where.pod);
  };
}

export function isPod(where: Whereabouts): where is PodWhereabouts {
  return 'pod' in where;
}

/** Whether two endpoints are looked for in the same place, whatever else is said of them. */
export function samePlace(a: Whereabouts, b: Whereabouts): boolean {
  return isDeepStrictEqual(placeOf(a), placeOf(b));
}

function placeOf(where: Whereabouts): unknown {
  if (isPod(where)) return where.pod;
  const { netns, pid, interfaces, cgroup, addresses } = where;
  return { netns, pid, interfaces, cgroup, addresses };
}
