import { GRPC_METHOD, GRPC_SERVICE, METHOD, TOKEN } from './names.ts';
import { patternProblem } from './pattern.ts';
import { list, object, optional, ruled, text, word, type CelRule } from './shape.ts';

const MAX_VALUE = 4096;

/** Shared by headers and query parameters, which differ in what a name may be. */
interface TypedValue {
  readonly type: string;
  readonly value: string;
}

function patternRule({ type, value }: TypedValue): string | null {
  const problem = type === 'RegularExpression' ? patternProblem(value) : null;
  return problem === null ? null : refusal('value', value, problem);
}

function refusal(field: string, value: string, problem: string): string {
  return `${field} ${JSON.stringify(value.slice(0, 80))} is not allowed; ${problem}`;
}

const PATH = ruled(
  object(
    {
      type: word(['Exact', 'PathPrefix', 'RegularExpression'], {
        description: 'PathPrefix compares whole path elements: `/api` fits `/api` and `/api/x`, not `/apix`.',
        default: 'PathPrefix',
      }),
      value: text({
        description: 'The path, the prefix, or the pattern (RE2 syntax) for the whole path. Compared as sent, without the query.',
        expects: 'a path that begins with /, or a pattern for it',
        default: '/',
        maxLength: 1024,
      }),
    },
    { description: 'Condition on the path.' },
  ),
  ({ type, value }) => {
    if (type === 'RegularExpression') return patternRule({ type, value });
    if (!value.startsWith('/')) return `value ${JSON.stringify(value)} is not allowed; give a path that begins with /`;
    if (/[?#\s]/.test(value)) {
      return `value ${JSON.stringify(value)} is not allowed; give a path without spaces, ? and # (for the query use queryParams)`;
    }
    return null;
  },
  [
    { rule: "self.type == 'RegularExpression' || self.value.startsWith('/')", message: 'give a path that begins with /' },
    {
      // All that `\s` of JavaScript takes; that of RE2 is ASCII.
      rule: "self.type == 'RegularExpression' || !self.value.matches(r'[?#\\s\\v\\pZ\\x{feff}]')",
      message: 'give a path without spaces, ? and # (for the query use queryParams)',
    },
  ],
);

const VALUE_TYPE = word(['Exact', 'RegularExpression'], {
  description: 'A pattern (RE2 syntax) must fit the whole value.',
  default: 'Exact',
});

const HEADER = ruled(
  object({
    name: text({
      description: 'Name of the header, in any case. Of several entries with one name, the first counts.',
      expects: 'a header name',
      pattern: TOKEN,
      maxLength: 256,
    }),
    type: VALUE_TYPE,
    value: text({
      description: 'Value or pattern. A header that is sent several times is compared as one, its values joined by `, `.',
      expects: `a text of at most ${MAX_VALUE} characters`,
      maxLength: MAX_VALUE,
    }),
  }),
  patternRule,
);

const QUERY_PARAM = ruled(
  object({
    name: text({
      description: 'Name of the parameter, exactly. Of several entries with one name, the first counts.',
      expects: 'a text of 1 to 256 characters',
      minLength: 1,
      maxLength: 256,
    }),
    type: VALUE_TYPE,
    value: text({
      description: 'Value or pattern, compared after percent-decoding. Of a parameter sent several times, the first counts.',
      expects: `a text of at most ${MAX_VALUE} characters`,
      maxLength: MAX_VALUE,
    }),
  }),
  patternRule,
);

const GRPC_NAMES = [
  { field: 'service', pattern: GRPC_SERVICE, expects: 'the full name of a service, such as shop.v1.Checkout' },
  { field: 'method', pattern: GRPC_METHOD, expects: 'the name of a method, such as PlaceOrder' },
] as const;
const GRPC_EMPTY = 'give service, method or both';

const GRPC = ruled(
  object(
    {
      type: word(['Exact', 'RegularExpression'], {
        description: 'How both names are compared; a pattern (RE2 syntax) must fit the whole name.',
        default: 'Exact',
      }),
      service: text({
        description: 'Full name of the service with its package, or a pattern for it; every one where it is not given.',
        expects: 'the full name of a service, such as shop.v1.Checkout, or a pattern for it',
        default: '',
        maxLength: 1024,
      }),
      method: text({
        description: 'Name of the method, or a pattern for it; every one where it is not given.',
        expects: 'the name of a method, such as PlaceOrder, or a pattern for it',
        default: '',
        maxLength: 1024,
      }),
    },
    { description: 'Condition on the service and the method of a gRPC call; other requests do not fit.' },
  ),
  (match) => {
    const given = GRPC_NAMES.filter(({ field }) => match[field] !== '');
    for (const { field, pattern, expects } of given) {
      const isName = new RegExp(pattern).test(match[field]);
      const problem = match.type === 'RegularExpression' ? patternProblem(match[field]) : isName ? null : `give ${expects}`;
      if (problem !== null) return refusal(field, match[field], problem);
    }
    return given.length === 0 ? GRPC_EMPTY : null;
  },
  [
    { rule: "self.service != '' || self.method != ''", message: GRPC_EMPTY },
    ...GRPC_NAMES.map(({ field, pattern, expects }): CelRule => ({
      rule: `self.type == 'RegularExpression' || self.${field} == '' || self.${field}.matches(r'${pattern}')`,
      message: `give ${expects}`,
    })),
  ],
);

const GRPC_BESIDE = 'leave out path, method and queryParams beside grpc: service and method stand in it';

/**
 * A condition on requests: everything that is given must hold. It is the Gateway API's HTTPRouteMatch, or with `grpc` its
 * GRPCRouteMatch, whose `method` has another name here: two types of one field would be none to a structural schema.
 */
export const MATCH = ruled(
  object({
    path: optional(PATH),
    method: optional(
      text({
        description: 'The method of HTTP, exactly; that of a gRPC call is in `grpc`.',
        expects: 'a method in capital letters, such as GET (for gRPC there is the field grpc)',
        pattern: METHOD,
        maxLength: 32,
      }),
    ),
    headers: list(HEADER, {
      description: 'Conditions on headers, all of which must hold.',
      expects: 'a list of at most 16 header conditions',
      maxItems: 16,
      default: [],
    }),
    queryParams: list(QUERY_PARAM, {
      description: 'Conditions on query parameters, all of which must hold.',
      expects: 'a list of at most 16 query conditions',
      maxItems: 16,
      default: [],
    }),
    grpc: optional(GRPC),
  }),
  ({ path, method, queryParams, grpc }) =>
    grpc !== undefined && (path !== undefined || method !== undefined || queryParams.length > 0) ? GRPC_BESIDE : null,
  [{ rule: '!has(self.grpc) || (!has(self.path) && !has(self.method) && self.queryParams.size() == 0)', message: GRPC_BESIDE }],
);
