import type { CelRule } from './shape.ts';

/** What is looked at in a policy's matches. */
interface MatchShape {
  readonly path?: { readonly type: string };
  readonly headers: readonly { readonly type: string }[];
  readonly queryParams: readonly { readonly type: string }[];
  readonly grpc?: { readonly type: string; readonly service: string; readonly method: string };
}

interface SpecShape {
  readonly matches: readonly MatchShape[];
  readonly excludes: readonly MatchShape[];
  readonly targets: readonly { readonly filters: readonly { readonly urlRewrite?: { readonly path?: { readonly type: string } } }[] }[];
}

/** Patterns in one policy: each costs a pass over its text. */
const MAX_PATTERNS = 64;

/** Rules between fields of a policy that stand apart. @returns what to do about it, or null */
export function specProblem({ matches, excludes, targets }: SpecShape): string | null {
  const patterns = [...matches, ...excludes].reduce((sum, match) => sum + patternsIn(match), 0);
  if (patterns > MAX_PATTERNS) return `give at most ${MAX_PATTERNS} conditions of type RegularExpression (here are ${patterns})`;
  const replaces = targets.some(({ filters }) => filters.some(({ urlRewrite }) => urlRewrite?.path?.type === 'ReplacePrefixMatch'));
  const other = matches.findIndex(({ path }) => path !== undefined && path.type !== 'PathPrefix');
  if (!replaces || other < 0) return null;
  return `a target has a URLRewrite of type ReplacePrefixMatch: make the path of matches[${other}] a PathPrefix, or use ReplaceFullPath`;
}

/** All but the number of patterns: see LEFT_TO_AGENT in kube/. */
export const SPEC_CEL: readonly CelRule[] = [
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
