import { Redactor } from '../../mirror/redact.ts';
import { Pattern } from '../../policy/pattern.ts';
import { asOnWire } from '../../policy/request-view.ts';
import type { CompareSpec, PolicySpec } from '../../policy/schema.ts';
import { namesOf, newPointerRule, ruleAt, type PointerRule } from './pointers.ts';

/** `compare` of a policy, as far as it says what differs. */
export type DiffSpec = Pick<CompareSpec, 'maxBodyBytes' | 'headers' | 'ignore' | 'tolerance' | 'keyed' | 'examples'>;
export type Examples = DiffSpec['examples'];
export type RedactSpec = NonNullable<PolicySpec['redact']>;

/** The same, compiled. */
export interface CompareRules {
  readonly maxBodyBytes: number;
  /** Lower-case names; null for all but those that say nothing. */
  readonly headers: ReadonlySet<string> | null;
  readonly ignoredHeaders: ReadonlySet<string>;
  readonly patterns: readonly Pattern[];
  /** What pointers say of content. */
  readonly content: PointerRule;
  /** Some list is compared whatever its order. */
  readonly hasKeyed: boolean;
  readonly examples: Examples;
  /** Lower-case names of headers whose value is secret. */
  readonly secretHeaders: ReadonlySet<string>;
  /** Takes secrets out of addresses. */
  readonly redactor: Redactor | null;
  /** Content has secrets, which can only be told from the rest where it is JSON. */
  readonly hasSecretFields: boolean;
}

/** @param redact of the same policy: what it names is never shown @throws RangeError where a pattern is wrong */
export function compareRules(spec: DiffSpec, redact?: RedactSpec): CompareRules {
  const content = newPointerRule();
  for (const { pointer } of spec.ignore) if (pointer !== undefined) ruleAt(content, pointer).ignored = true;
  for (const pointer of redact?.jsonFields ?? []) ruleAt(content, pointer).secret = true;
  for (const { pointer, key } of spec.keyed) ruleAt(content, pointer).key = namesOf(key);
  for (const { pointer, absolute = 0, relative = 0 } of spec.tolerance) ruleAt(content, pointer).tolerance = { absolute, relative };
  return {
    maxBodyBytes: spec.maxBodyBytes,
    headers: spec.headers === 'All' ? null : lowerCase(spec.headers),
    ignoredHeaders: lowerCase(spec.ignore.flatMap(({ header }) => header ?? [])),
    patterns: spec.ignore.flatMap(({ pattern }) => (pattern === undefined ? [] : Pattern.of(pattern))),
    content,
    hasKeyed: spec.keyed.length > 0,
    examples: spec.examples,
    secretHeaders: lowerCase(redact?.headers ?? []),
    redactor: redact === undefined ? null : new Redactor({ ...redact, mode: 'Remove' }, ''),
    hasSecretFields: (redact?.jsonFields.length ?? 0) > 0,
  };
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** Whether a rule takes a place out of the comparison. */
export function isIgnored({ patterns }: CompareRules, where: string): boolean {
  if (patterns.length === 0) return false;
  const text = asOnWire(where);
  return patterns.some((pattern) => pattern.matches(text));
}
