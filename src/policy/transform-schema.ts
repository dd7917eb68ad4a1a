import { HEADER_NAME, HEADER_TEXT } from './header-schema.ts';
import { TOKEN } from './names.ts';
import { POINTER } from './pointer-schema.ts';
import { list, object, optional, ruled, text, word } from './shape.ts';

/** How a copy is marked beside the agent's own marker. */
export const MARKER = ruled(
  object(
    {
      name: optional(HEADER_NAME),
      value: optional(HEADER_TEXT),
    },
    {
      description:
        "A header by which the mirror may know its copies. The agent's own marker (`markerHeader` of the Agent) is there whatever this says, as it keeps copies from being copied again; with its name and another value, that value is sent.",
    },
  ),
  ({ name, value }) => (name !== undefined || value !== undefined ? null : 'give name, value or both'),
  [{ rule: 'has(self.name) || has(self.value)', message: 'give name, value or both' }],
);

export const TRACE = word(['Unsampled', 'Keep', 'Drop'], {
  description:
    'Trace context of copies: `Unsampled` keeps the trace id and clears the sampled flag, `Keep` leaves it as sent, `Drop` leaves out `traceparent`, `tracestate`, `baggage`, `b3` and `x-b3-*`. `x-request-id` always stays.',
  default: 'Unsampled',
});

export const IDEMPOTENCY_KEYS = word(['Keep', 'Rewrite'], {
  description:
    '`Rewrite` gives `Idempotency-Key` and `X-Idempotency-Key` of copies another value, the same for the same key, so that side effects of copies do not collide with those of the originals.',
  default: 'Keep',
});

/** What may not leave the node. */
export const REDACT = ruled(
  object(
    {
      headers: list(HEADER_NAME, {
        description: 'Headers whose whole value is secret.',
        expects: 'a list of at most 64 header names',
        maxItems: 64,
        default: [],
      }),
      cookies: list(text({ description: 'Name of the cookie, exactly.', expects: 'a cookie name', pattern: TOKEN, maxLength: 256 }), {
        description: 'Cookies whose value is secret, in `Cookie` and `Set-Cookie`.',
        expects: 'a list of at most 64 cookie names',
        maxItems: 64,
        default: [],
      }),
      queryParams: list(
        text({ description: 'Name of the parameter, exactly.', expects: 'a text of 1 to 256 characters', minLength: 1, maxLength: 256 }),
        {
          description: 
            'Query parameters whose value is secret, in the request line, `Referer` and `Location`. The name is compared exactly, once decoded (`token` is not `Token` nor `token[]`). Paths and the content of forms are not looked into.',
          expects: 'a list of at most 64 names',
          maxItems: 64,
          default: [],
        },
      ),
      jsonFields: list(POINTER, {
        description:
          'Fields of JSON content whose value is secret, as JSON pointers (RFC 6901); the element `*` stands for every name or position. Content is read if its type says JSON or if it begins with `{` or `[`; what then is no plain JSON in UTF-8 (encoded with gzip, UTF-16, behind `)]}`) is not sent, and counted `failed: redaction`. Not looked into: JSON within something else, such as a part of a form or the argument of a function call.',
        expects: 'a list of at most 64 pointers',
        maxItems: 64,
        default: [],
      }),
      mode: word(['Remove', 'Hash'], {
        description:
          '`Remove` takes the field away; `Hash` puts a keyed hash in its place, the same for the same value, so that sessions can still be joined.',
        default: 'Remove',
      }),
    },
    { description: 'What is taken out of requests before anything leaves the agent. Not given: nothing.' },
  ),
  ({ headers, cookies, queryParams, jsonFields }) =>
    headers.length + cookies.length + queryParams.length + jsonFields.length > 0
      ? null
      : 'give headers, cookies, queryParams or jsonFields',
  [
    {
      rule: 'self.headers.size() + self.cookies.size() + self.queryParams.size() + self.jsonFields.size() > 0',
      message: 'give headers, cookies, queryParams or jsonFields',
    },
  ],
);
