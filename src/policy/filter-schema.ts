import { HEADER, HEADER_NAME } from './header-schema.ts';
import { list, object, optional, ruled, text, word } from './shape.ts';

const HEADER_MODIFIER = ruled(
  object(
    {
      set: list(HEADER, {
        description: 'Headers that get this value, in place of what was sent.',
        expects: 'a list of names with values',
        maxItems: 16,
        default: [],
      }),
      add: list(HEADER, {
        description: 'Headers that are added to what was sent.',
        expects: 'a list of names with values',
        maxItems: 16,
        default: [],
      }),
      remove: list(HEADER_NAME, {
        description: 'Headers that are left out.',
        expects: 'a list of header names',
        maxItems: 16,
        default: [],
      }),
    },
    { description: 'Changes to the headers of the copy.' },
  ),
  ({ set, add, remove }) => (set.length + add.length + remove.length > 0 ? null : 'give set, add or remove'),
  [{ rule: 'self.set.size() + self.add.size() + self.remove.size() > 0', message: 'give set, add or remove' }],
);

const PATH_EXPECTS = 'a path that begins with /, without spaces, ? and #';

/** Printable ASCII but ? and #. */
const PATH = '/[!"$->@-~]*';

const PATH_MODIFIER = ruled(
  object(
    {
      type: word(['ReplaceFullPath', 'ReplacePrefixMatch'], {
        description: 'ReplacePrefixMatch replaces what the PathPrefix of the fitting match fits, by whole path elements.',
      }),
      replaceFullPath: optional(
        text({ description: 'The whole path; the query stays.', expects: PATH_EXPECTS, pattern: `^${PATH}$`, maxLength: 1024 }),
      ),
      replacePrefixMatch: optional(
        text({
          description: 'What stands in place of the prefix; empty and `/` take it away.',
          expects: PATH_EXPECTS,
          pattern: `^(?:${PATH})?$`,
          maxLength: 1024,
        }),
      ),
    },
    { description: 'Change of the path.' },
  ),
  ({ type, replaceFullPath, replacePrefixMatch }) => {
    const [wanted, other] = type === 'ReplaceFullPath' ? [replaceFullPath, replacePrefixMatch] : [replacePrefixMatch, replaceFullPath];
    const field = type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch';
    return wanted !== undefined && other === undefined ? null : `give ${field} and nothing else with type ${type}`;
  },
  [
    {
      rule: "self.type != 'ReplaceFullPath' || has(self.replaceFullPath) && !has(self.replacePrefixMatch)",
      message: 'give replaceFullPath and nothing else with type ReplaceFullPath',
    },
    {
      rule: "self.type != 'ReplacePrefixMatch' || has(self.replacePrefixMatch) && !has(self.replaceFullPath)",
      message: 'give replacePrefixMatch and nothing else with type ReplacePrefixMatch',
    },
  ],
);

/** PreciseHostname of the Gateway API: no port, no wildcard. */
const HOSTNAME = '^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*$';

const URL_REWRITE = ruled(
  object(
    {
      hostname: optional(
        text({
          description: 'Host of the copy. (The `hostname` of the target takes ports, too.)',
          expects: 'a host name in lower-case letters, such as shadow.example, without a port',
          pattern: HOSTNAME,
          maxLength: 253,
        }),
      ),
      path: optional(PATH_MODIFIER),
    },
    { description: 'Changes to host and path of the copy.' },
  ),
  ({ hostname, path }) => (hostname !== undefined || path !== undefined ? null : 'give hostname or path'),
  [{ rule: 'has(self.hostname) || has(self.path)', message: 'give hostname or path' }],
);

const PARAM_NAME = text({
  description: 'Name of the parameter, before encoding.',
  expects: 'a text of 1 to 256 characters',
  minLength: 1,
  maxLength: 256,
});

const QUERY_MODIFIER = ruled(
  object(
    {
      set: list(
        object({
          name: PARAM_NAME,
          value: text({ description: 'Its value, before encoding.', expects: 'a text of at most 4096 characters', maxLength: 4096 }),
        }),
        {
          description: 'Parameters that get this value, in place of what was sent.',
          expects: 'a list of names with values',
          maxItems: 16,
          default: [],
        },
      ),
      remove: list(PARAM_NAME, {
        description: 'Parameters that are left out.',
        expects: 'a list of names',
        maxItems: 16,
        default: [],
      }),
    },
    { description: 'Changes to the query of the copy.' },
  ),
  ({ set, remove }) => (set.length + remove.length > 0 ? null : 'give set or remove'),
  [{ rule: 'self.set.size() + self.remove.size() > 0', message: 'give set or remove' }],
);

/** The field that each type of filter has. */
const FIELDS = {
  RequestHeaderModifier: 'requestHeaderModifier',
  URLRewrite: 'urlRewrite',
  QueryModifier: 'queryModifier',
} as const;

/** A change to each copy, as the Gateway API's HTTPRouteFilter; QueryModifier is our own. */
export const FILTER = ruled(
  object({
    type: word(['RequestHeaderModifier', 'URLRewrite', 'QueryModifier'], {
      description: 'Kind of the filter; the field of the same name says what it does.',
    }),
    requestHeaderModifier: optional(HEADER_MODIFIER),
    urlRewrite: optional(URL_REWRITE),
    queryModifier: optional(QUERY_MODIFIER),
  }),
  (filter) => {
    const wanted = FIELDS[filter.type];
    if (filter[wanted] === undefined) return `give ${wanted} with type ${filter.type}`;
    const other = Object.values(FIELDS).find((field) => field !== wanted && filter[field] !== undefined);
    return other === undefined ? null : `remove ${other}: type ${filter.type} takes only ${wanted}`;
  },
  Object.entries(FIELDS).map(([type, field]) => ({
    rule: `has(self.${field}) == (self.type == '${type}')`,
    message: `give ${field} with type ${type}, and with no other`,
  })),
);
