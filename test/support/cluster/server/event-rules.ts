import type { KubeObject } from '../objects.ts';
import { equal } from './json.ts';
import { type Cause, invalidValue, required } from './status.ts';

/** An Event as it is stored: in `v1`. */
interface Event {
  readonly metadata: { readonly namespace?: string };
  readonly involvedObject?: { readonly namespace?: string };
  readonly eventTime?: string | null;
  readonly type?: string;
  readonly reason?: string;
  readonly action?: string;
  readonly message?: string;
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly [field: string]: unknown;
}

const MAX_LENGTH = 128;
const MAX_NOTE = 1024;
const QUALIFIED_NAME = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const OF_OLD_EVENTS = ['firstTimestamp', 'lastTimestamp', 'count', 'source'];
const CHANGEABLE = new Set(['metadata', 'series', 'apiVersion', 'kind']);

/** The rules of Events: those with an `eventTime` are new ones, and `events.k8s.io/v1` takes no other. */
export function eventRules(object: KubeObject, before: KubeObject | null, isEventsV1: boolean): Cause[] {
  const event = object as unknown as Event;
  const common = event.eventTime ? newEventRules(event) : namespaceRules(event);
  if (!isEventsV1) return common;
  return [...common, ...(before === null ? createRules(event) : updateRules(event, before as unknown as Event))];
}

function namespaceRules({ metadata, involvedObject }: Event): Cause[] {
  const involved = involvedObject?.namespace ?? '';
  const isRight = involved === '' ? metadata.namespace === 'default' : involved === metadata.namespace;
  return isRight ? [] : [invalidValue('involvedObject.namespace', involved, 'does not match event.namespace')];
}

function newEventRules(event: Event): Cause[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = event;
  const involved = event.involvedObject?.namespace ?? '';
  const isMisplaced = involved === '' && !['default', 'kube-system'].includes(event.metadata.namespace ?? '');
  const needed = Object.entries({ reportingController: reportingComponent, reportingInstance, action, reason });
  return [
    ...(isMisplaced ? [invalidValue('involvedObject.namespace', involved, 'does not match event.namespace')] : []),
    ...needed.filter(([, value]) => value === '').map(([field]) => required(field)),
    ...(QUALIFIED_NAME.test(reportingComponent)
      ? []
      : [invalidValue('reportingController', reportingComponent, 'name part must consist of alphanumeric characters, "-", "_" or "."')]),
    ...lengthRules({ reportingInstance, action, reason }, MAX_LENGTH),
    ...lengthRules({ message }, MAX_NOTE),
  ];
}

function lengthRules(fields: Readonly<Record<string, string>>, limit: number): Cause[] {
  const long = Object.keys(fields).filter((field) => Buffer.byteLength(fields[field] ?? '') > limit);
  return long.map((field) => invalidValue(field, '', `can have at most ${limit} characters`));
}

function createRules(event: Event): Cause[] {
  const { type = '' } = event;
  return [
    ...seriesRules(event),
    ...(event.eventTime ? [] : [required('eventTime')]),
    ...(type === 'Normal' || type === 'Warning' ? [] : [invalidValue('type', '', `has invalid value: ${type}`)]),
    ...OF_OLD_EVENTS.filter((field) => event[field]).map((field) => invalidValue(field, '', 'needs to be unset')),
  ];
}

/** Only the series goes on. */
function updateRules(event: Event, before: Event): Cause[] {
  const fields = new Set([...Object.keys(event), ...Object.keys(before)]);
  const changed = [...fields].filter((field) => !CHANGEABLE.has(field) && !equal(event[field], before[field]));
  return [...seriesRules(event), ...changed.map((field) => invalidValue(field, event[field], 'field is immutable'))];
}

function seriesRules({ series }: Event): Cause[] {
  if (series === undefined || series === null) return [];
  return [
    ...((series.count ?? 0) < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(series.lastObservedTime ? [] : [required('series.lastObservedTime')]),
  ];
}
