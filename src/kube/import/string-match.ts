import { beginsWith, isPattern, type ValueMatch } from './match.ts';

/** Istio's StringMatch; `present`: only that there is a value. */
export type StringMatch = { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string } | { readonly type: 'present' };

/** @returns null where it is none */
export function readStringMatch(value: unknown): StringMatch | null {
  if (value === null || value === undefined) return { type: 'present' };
  if (typeof value !== 'object' || Array.isArray(value)) return null;
  const entries = Object.entries(value).filter(([, content]) => content !== null && content !== undefined);
  const [type, text] = entries[0] ?? ['present', ''];
  if (entries.length > 1 || typeof text !== 'string') return null;
  // A star alone is no pattern, and Istio takes it for presence.
  if (type === 'present' || (type === 'regex' && text === '*')) return { type: 'present' };
  return type === 'exact' || type === 'prefix' || type === 'regex' ? { type, value: text } : null;
}

/** The same in the language of policies; null where it cannot be said. Istio's patterns are RE2 and fit the whole value. */
export function conditionOf(match: StringMatch): Pick<ValueMatch, 'type' | 'value'> | null {
  switch (match.type) {
    case 'exact':
      return { type: 'Exact', value: match.value };
    case 'prefix':
      return patternOf(beginsWith(match.value));
    case 'regex':
      return patternOf(match.value);
    case 'present':
      return patternOf('(?s).*');
  }
}

function patternOf(value: string): Pick<ValueMatch, 'type' | 'value'> | null {
  return isPattern(value) ? { type: 'RegularExpression', value } : null;
}
