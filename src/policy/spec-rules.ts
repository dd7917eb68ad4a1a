import type { CelRule } from './shape.ts';

/** What is looked at in a policy's matches. */
interface MatchShape {
  readonly path?: { readonly type: string };
  readonly headers: readonly { readonly type: string }[];
  readonly queryParams: readonly { readonly type: string }[];
  readonly grpc?: { readonly type: string; readonly service: string; readonly method: string };
}

interface TargetShape {
  readonly file?: object;
  readonly role: string;
  readonly filters: readonly { readonly urlRewrite?: { readonly path?: { readonly type: string } } }[];
}

interface SpecShape {
  readonly matches: readonly MatchShape[];
  readonly excludes: readonly MatchShape[];
  readonly targets: readonly TargetShape[];
  readonly observe: boolean;
  readonly compare?: { readonly ignore: readonly { readonly pattern?: string }[] };
}

/** Patterns in one policy: each costs a pass over its text. */
const MAX_PATTERNS = 64;

const NO_TARGET = 'give at least one target, or observe: true';
const NO_ANSWERS = 'leave out compare, or give a target with role Mirror that is no file: files do not answer';
const NOTHING_TO_LEARN = 'leave out role: Baseline, or give compare';
const TWO_BASELINES = 'give role: Baseline to one target at most';

/** Rules between fields of a policy that stand apart. @returns what to do about it, or null */
export function specProblem({ matches, excludes, targets, observe, compare }: SpecShape): string | null {
  if (targets.length === 0 && !observe) return NO_TARGET;
  if (compare !== undefined && !targets.some(({ file, role }) => file === undefined && role === 'Mirror')) return NO_ANSWERS;
  const baselines = targets.filter(({ role }) => role === 'Baseline').length;
  if (compare === undefined && baselines > 0) return NOTHING_TO_LEARN;
  if (baselines > 1) return TWO_BASELINES;
  const ignored = compare?.ignore.filter(({ pattern }) => pattern !== undefined).length ?? 0;
  const patterns = [...matches, ...excludes].reduce((sum, match) => sum + patternsIn(match), ignored);
  if (patterns > MAX_PATTERNS) return `give at most ${MAX_PATTERNS} patterns in matches, excludes and compare.ignore (here are ${patterns})`;
  const replaces = targets.some(({ filters }) => filters.some(({ urlRewrite }) => urlRewrite?.path?.type === 'ReplacePrefixMatch'));
  const other = matches.findIndex(({ path }) => path !== undefined && path.type !== 'PathPrefix');
  if (!replaces || other < 0) return null;
  return `a target has a URLRewrite of type ReplacePrefixMatch: make the path of matches[${other}] a PathPrefix, or use ReplaceFullPath`;
}

/** All but the number of patterns: see LEFT_TO_AGENT in kube/. */
export const SPEC_CEL: readonly CelRule[] = [
  { rule: 'self.targets.size() > 0 || self.observe', message: NO_TARGET },
  { rule: "!has(self.compare) || self.targets.exists(target, !has(target.file) && target.role == 'Mirror')", message: NO_ANSWERS },
  { rule: "has(self.compare) || self.targets.all(target, target.role == 'Mirror')", message: NOTHING_TO_LEARN },
  { rule: "self.targets.filter(target, target.role == 'Baseline').size() <= 1", message: TWO_BASELINES },
  {
    rule:
      '!self.targets.exists(target, target.filters.exists(each, has(each.urlRewrite) && has(each.urlRewrite.path)' +
      " && each.urlRewrite.path.type == 'ReplacePrefixMatch'))" +
      " || self.matches.all(match, !has(match.path) || match.path.type == 'PathPrefix')",
    message: 'a target has a URLRewrite of type ReplacePrefixMatch: make the path of every entry of matches a PathPrefix, or use ReplaceFullPath',
  },
];

function patternsIn({ path, headers, queryParams, grpc }: MatchShape): number {
  const names = grpc === undefined ? [] : [grpc.service, grpc.method].filter((name) => name !== '').map(() => grpc.type);
  const types = [path?.type, ...names, ...headers.map(({ type }) => type), ...queryParams.map(({ type }) => type)];
  return types.filter((type) => type === 'RegularExpression').length;
}
