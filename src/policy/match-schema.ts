import { METHOD, TOKEN } from './names.ts';
import { patternProblem } from './pattern.ts';
import { list, object, optional, ruled, text, word } from './shape.ts';

const MAX_VALUE = 4096;

/** Shared by headers and query parameters, which differ in what a name may be. */
interface TypedValue {
  readonly type: string;
  readonly value: string;
}

function patternRule({ type, value }: TypedValue): string | null {
  const problem = type === 'RegularExpression' ? patternProblem(value) : null;
  return problem === null ? null : `value ${JSON.stringify(value.slice(0, 80))} is not allowed; ${problem}`;
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

/** A condition on requests, as the Gateway API's HTTPRouteMatch: everything that is given must hold. */
export const MATCH = object({
  path: optional(PATH),
  method: optional(
    text({
      description: 'The method, exactly.',
      expects: 'a method in capital letters, such as GET',
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
});
