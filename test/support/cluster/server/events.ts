import type { KubeObject } from '../objects.ts';

/** The fields of an Event in `v1`, as it is stored, and what `events.k8s.io/v1` calls them. */
const NAMES: readonly (readonly [v1: string, eventsV1: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

export function toEventsV1(event: KubeObject): KubeObject {
  return renamed(event, 'events.k8s.io/v1', new Map(NAMES));
}

export function fromEventsV1(event: KubeObject): KubeObject {
  return renamed(event, 'v1', new Map(NAMES.map(([v1, eventsV1]) => [eventsV1, v1])));
}

function renamed(event: KubeObject, apiVersion: string, names: ReadonlyMap<string, string>): KubeObject {
  const fields = Object.entries(event).map(([name, value]) => [names.get(name) ?? name, value]);
  return { ...(Object.fromEntries(fields) as KubeObject), apiVersion };
}
