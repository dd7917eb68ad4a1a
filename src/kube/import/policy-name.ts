import { createHash } from 'node:crypto';
import type { RouteKind } from './imported-policy.ts';

const MAX_NAME = 253;
const MAX_LABEL = 63;
/** RFC 1123 label: a part of a name, without dots. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export interface NameParts {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly route: string;
  readonly rule: string;
  /** Which of several backends of the rule, and whether no other has its name; null where it has one. */
  readonly backend: { readonly number: number; readonly name: string; readonly isOnly: boolean } | null;
  /** Which of several policies for one backend; null where there is one. */
  readonly part: number | null;
}

/**
 * `httproute.<route>.<rule>`, with the backend's name behind it where the rule has several. Where that could be the name of
 * something else, or is too long, a hash of all parts follows. The hash begins with a digit and is no number, so it cannot
 * be taken for a rule or a Service.
 * @param policyNamespace where the policy will live
 */
export function policyName({ kind, namespace, route, rule, backend, part }: NameParts, policyNamespace: string): string {
  const elsewhere = namespace === policyNamespace ? [] : [namespace];
  const parts = [kind.toLowerCase(), ...elsewhere, route, rule, ...(backend === null ? [] : [backend.name])];
  const name = parts.map(asName).join('.');
  const isPlain = parts.every((text) => LABEL.test(text)) && elsewhere.length === 0 && part === null;
  const isUnique = backend === null || (backend.isOnly && /^[a-z]/.test(backend.name));
  if (isPlain && isUnique && name.length <= MAX_NAME) return name;
  const hash = hashOf([kind, namespace, route, rule, backend?.number ?? null, part]);
  return `${shortened(name, MAX_NAME - hash.length - 1)}.${hash}`;
}

/** Value of a label that names a route. */
export function routeLabel(kind: RouteKind, namespace: string, route: string): string {
  const text = `${kind.toLowerCase()}.${namespace}.${route}`;
  const name = asName(text);
  if (name === text && name.length <= MAX_LABEL) return name;
  const hash = hashOf([kind, namespace, route]);
  return `${shortened(name, MAX_LABEL - hash.length - 1)}.${hash}`;
}

/** Lower-case letters, digits and dashes within, dots kept. */
function asName(text: string): string {
  const labels = text.toLowerCase().replace(/[^a-z0-9.-]/g, '-').split('.');
  return labels.map((label) => label.replace(/^-+|-+$/g, '') || 'x').join('.');
}

function shortened(name: string, length: number): string {
  return name.slice(0, length).replace(/[.-]+$/, '');
}

function hashOf(parts: readonly unknown[]): string {
  return `0x${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8)}`;
}
