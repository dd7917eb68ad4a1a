import type { ObjectMeta } from '../objects.ts';
import { type Cause, forbidden, invalidValue, required } from './status.ts';

/** A subdomain (RFC 1123), besides `:` in the names of roles. */
const NAME = /^[a-z0-9]([-a-z0-9:]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9:]*[a-z0-9])?)*$/;
const LABEL_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const NAME_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an " +
  "alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " +
  "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** The rules that names, labels and annotations of every object keep. */
export function checkMetadata(
  { name = '', labels = {}, annotations = {}, finalizers = [], deletionTimestamp }: ObjectMeta,
  before: ObjectMeta | null,
): Cause[] {
  return [
    ...(deletionTimestamp === undefined ? [] : finalizerRules(finalizers, before?.finalizers ?? [])),
    ...nameRules(name),
    ...Object.entries(labels).flatMap(([key, value]) => [...keyRules(key, 'metadata.labels'), ...valueRules(value)]),
    ...Object.keys(annotations).flatMap((key) => keyRules(key, 'metadata.annotations')),
  ];
}

function nameRules(name: string): Cause[] {
  if (name === '') return [required('metadata.name', 'name or generateName is required')];
  if (NAME.test(name) && name.length <= 253) return [];
  return [invalidValue('metadata.name', name, NAME_RULE)];
}

/** Nothing holds an object that is being deleted but what held it before. */
function finalizerRules(finalizers: readonly string[], before: readonly string[]): Cause[] {
  const added = finalizers.filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return [];
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return [
    forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  ];
}

function keyRules(key: string, field: string): Cause[] {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const isGood = LABEL_NAME.test(name) && name.length <= 63 && (slash < 0 || LABEL_PREFIX.test(key.slice(0, slash)));
  return isGood
    ? []
    : [
        invalidValue(
          field,
          key,
          'name part must consist of alphanumeric characters, "-", "_" or ".", and must be no more than 63 characters',
        ),
      ];
}

function valueRules(value: unknown): Cause[] {
  const isGood = typeof value === 'string' && (value === '' || (LABEL_NAME.test(value) && value.length <= 63));
  return isGood ? [] : [invalidValue('metadata.labels', value, VALUE_RULE)];
}
