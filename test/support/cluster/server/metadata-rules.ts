import type { ObjectMeta } from '../objects.ts';
import { type Cause, invalidValue, required } from './status.ts';

/** A subdomain (RFC 1123), besides `:` in the names of roles. */
const NAME = /^[a-z0-9]([-a-z0-9:]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9:]*[a-z0-9])?)*$/;
const LABEL_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The rules that names, labels and annotations of every object keep. */
export function checkMetadata({ name = '', labels = {}, annotations = {} }: ObjectMeta): Cause[] {
  return [
    ...nameRules(name),
    ...Object.entries(labels).flatMap(([key, value]) => [...keyRules(key, 'metadata.labels'), ...valueRules(value)]),
    ...Object.keys(annotations).flatMap((key) => keyRules(key, 'metadata.annotations')),
  ];
}

function nameRules(name: string): Cause[] {
  if (name === '') return [required('metadata.name', 'name or generateName is required')];
  if (NAME.test(name) && name.length <= 253) return [];
  const rule = 'a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "-" or ".", and must start and end with an alphanumeric character';
  return [invalidValue('metadata.name', name, rule)];
}

function keyRules(key: string, field: string): Cause[] {
  const slash = key.indexOf('/');
  const name = key.slice(slash + 1);
  const isGood = LABEL_NAME.test(name) && name.length <= 63 && (slash < 0 || LABEL_PREFIX.test(key.slice(0, slash)));
  return isGood ? [] : [invalidValue(field, key, 'name part must consist of alphanumeric characters, "-", "_" or ".", and must be no more than 63 characters')];
}

function valueRules(value: unknown): Cause[] {
  const isGood = typeof value === 'string' && (value === '' || (LABEL_NAME.test(value) && value.length <= 63));
  return isGood ? [] : [invalidValue('metadata.labels', value, 'a valid label must be an empty string or consist of alphanumeric characters, "-", "_" or "."')];
}
