import type { Fields } from './fields.ts';
import { headerProblem } from './header-name.ts';
import { shown, type Problem } from './imported-policy.ts';
import { isPattern, type ValueMatch } from './match.ts';

/** One condition for each purpose: what certainly fits, and what may fit; null where nothing is left of it. */
export interface Reading<Condition> {
  readonly narrow: Condition | null;
  readonly wide: Condition | null;
}

/** Places of an entry whose rank is up to the implementation. */
export const ANYWHERE = [[Infinity], [-Infinity]];

export const REGULAR_EXPRESSION: Problem = {
  reason: 'RegularExpression',
  message: 'each gateway has regular expressions of its own; here they are RE2 for the whole value, and what only might fit is not mirrored',
};

/** A condition on a header or a query parameter. @param problems gets why it cannot be expressed */
export function readValue(fields: Fields, problems: Problem[], isHeader: boolean): Reading<ValueMatch> {
  const name = fields.text('name') ?? '';
  const type = fields.text('type') ?? 'Exact';
  const value = fields.text('value') ?? '';
  fields.end();
  const wrong = isHeader ? headerProblem(name) : name === '' ? 'is not the name of a parameter' : null;
  if (wrong !== null) {
    problems.push({ reason: 'UnsupportedMatch', message: `${fields.where}: ${shown(name)} ${wrong}` });
    return { narrow: null, wide: null };
  }
  if (type === 'Exact') return { narrow: { name, type, value }, wide: { name, type, value } };
  const patterns = readPattern(type, value, fields.where, problems);
  const valueOf = (pattern: string | null): ValueMatch | null => (pattern === null ? null : { name, type: 'RegularExpression', value: pattern });
  return { narrow: valueOf(patterns.narrow), wide: valueOf(patterns.wide) };
}

/** Implementations may look for a pattern anywhere in a value: where it matters that nothing is missed, so it is taken. */
export function readPattern(type: string, value: string, where: string, problems: Problem[]): Reading<string> {
  const wrong = type !== 'RegularExpression'
    ? `the type ${shown(type)} is not known`
    : isPattern(value) ? null : `the pattern ${shown(value)} is no RE2 pattern, or too large`;
  if (wrong !== null) {
    problems.push({ reason: 'UnsupportedMatch', message: `${where}: ${wrong}` });
    return { narrow: null, wide: null };
  }
  const anywhere = `(?s:.*)(?:${value})(?s:.*)`;
  return { narrow: value, wide: isPattern(anywhere) ? anywhere : null };
}
