import type { GrantFacts, ServiceFacts } from '../objects.ts';

/** Why something of a route is not, or not wholly, mirrored as it says. */
export interface Problem {
  /** CamelCase, for a condition. */
  readonly reason: string;
  /** For people: what, why, and what to do. */
  readonly message: string;
}

/** What one rule of a route comes to for the pods of one of its backends. */
export interface ImportedPolicy {
  /** Where the selected pods are; that of the route where they are not known. */
  readonly namespace: string;
  /** Stable, valid and unique in the namespace. */
  readonly name: string;
  readonly origin: {
    readonly kind: RouteKind;
    readonly namespace: string;
    readonly name: string;
    /** Name of the rule, or its number from 0. */
    readonly rule: string;
  };
  /** The spec of a MirrorPolicy as a user would write it; null where nothing of the rule can be mirrored. */
  readonly spec: object | null;
  readonly problems: readonly Problem[];
}

export type RouteKind = 'HTTPRoute' | 'GRPCRoute' | 'VirtualService';

/** What the routes refer to. */
export interface ImportContext {
  service(namespace: string, name: string): ServiceFacts | undefined;
  readonly grants: readonly GrantFacts[];
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
}

/** Reasons of problems that take nothing away: all that the rule mirrors is mirrored, and the user should know something. */
export const NOTICES: ReadonlySet<string> = new Set(['AnyHost', 'CopyAfterChange', 'TargetNotGranted', 'SourceByAddress']);

export const ANY_HOST: Problem = {
  reason: 'AnyHost',
  message: 'the route takes every host, so requests that reach its pods on other ways and fit are mirrored as well',
};

const MAX_PROBLEMS = 32;
const MAX_MESSAGE = 400;

/** @returns each problem once, and as many as an object of the cluster can bear */
export function distinct(problems: readonly Problem[]): Problem[] {
  const byText = new Map<string, Problem>();
  for (const { reason, message } of problems) byText.set(`${reason} ${message}`, { reason, message: message.slice(0, MAX_MESSAGE) });
  return [...byText.values()].slice(0, MAX_PROBLEMS);
}

/** A text of the route in a message: quoted and short. */
export function shown(text: string): string {
  return JSON.stringify(text.length <= 64 ? text : `${text.slice(0, 61)}...`);
}
