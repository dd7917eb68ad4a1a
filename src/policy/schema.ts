import { COMPARE } from './compare-schema.ts';
import { GRPC, LIMITS, ORDERING } from './delivery-schema.ts';
import { MATCH } from './match-schema.ts';
import { MAX_PORT_NAME, METHOD, NAMESPACE_NAME, OBJECT_NAME, PORT_NAME } from './names.ts';
import { SAMPLE, STICKY_BY } from './sample-schema.ts';
import { LABEL_NAME, LABEL_TEXT, labelSelector } from './selector-schema.ts';
import { either, integer, list, object, optional, ruled, stringMap, text, truth, word, type Immutable, type Static } from './shape.ts';
import { FROM } from './source-schema.ts';
import { SPEC_CEL, specProblem } from './spec-rules.ts';
import { TARGET } from './target-schema.ts';
import { IDEMPOTENCY_KEYS, MARKER, REDACT, TRACE } from './transform-schema.ts';

/** Version of the API that all documents carry. */
export const API_VERSION = 'shadowtap.dev/v1alpha1';

const METHODS = either(
  [
    word(['All', 'Safe'], { description: 'Every method, or GET, HEAD and OPTIONS.' }),
    list(
      text({ description: 'A method.', expects: 'a method in capital letters, such as GET', pattern: METHOD, maxLength: 32 }),
      { description: 'The methods.', expects: 'a list of methods', minItems: 1, maxItems: 32 },
    ),
  ],
  {
    description: 'Methods that are mirrored: `Safe` is GET, HEAD and OPTIONS.',
    expects: 'All, Safe, or a list of methods such as [GET, POST]',
    default: 'All',
  },
);

const PORTS = list(
  either(
    [
      integer(1, 65_535, { description: 'Port number.', expects: 'a port number' }),
      text({ description: 'Name of a port of the endpoint.', expects: 'a port name', pattern: PORT_NAME, maxLength: MAX_PORT_NAME }),
    ],
    { description: 'A port.', expects: 'a port number from 1 to 65535 or the name of a port of the endpoint' },
  ),
  {
    description: 'Ports that are mirrored; none given means every port of the endpoint.',
    expects: 'a list of port numbers or names',
    maxItems: 64,
    uniqueItems: true,
    default: [],
  },
);

/** RFC 3339, as `date-time` of JSON Schema, but without leap seconds, which Date does not know. */
const TIME = '^\\d{4}-\\d{2}-\\d{2}T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)$';

const SPEC = ruled(
  object(
    {
      selector: labelSelector('Endpoints that the policy mirrors, by label; `{}` selects every endpoint.'),
      ports: PORTS,
      from: FROM,
      matches: list(MATCH, {
        description: 'Requests that are mirrored: those that fit at least one entry. None given means every request.',
        expects: 'a list of at most 64 matches',
        maxItems: 64,
        default: [],
      }),
      excludes: list(MATCH, {
        description: 'Requests that are not mirrored even if `matches` fits them.',
        expects: 'a list of at most 64 matches',
        maxItems: 64,
        default: [],
      }),
      methods: METHODS,
      sample: optional(SAMPLE),
      stickyBy: optional(STICKY_BY),
      targets: list(TARGET, {
        description: 'Where copies go; every target gets its own. There may be none with `observe`.',
        expects: 'a list of 1 to 16 targets',
        maxItems: 16,
        default: [],
      }),
      observe: truth(
        'Tells rates, errors and latency of the endpoints and ports that are selected, and what is found in their traffic, whether it is mirrored or not.',
      ),
      compare: optional(COMPARE),
      marker: optional(MARKER),
      trace: TRACE,
      idempotencyKeys: IDEMPOTENCY_KEYS,
      redact: optional(REDACT),
      limits: LIMITS,
      ordering: ORDERING,
      grpc: GRPC,
      expiresAt: optional(
        text({
          description: 'When the policy ends by itself; nothing is mirrored by it from then on.',
          expects: 'a time such as 2027-01-01T00:00:00Z',
          format: 'date-time',
          pattern: TIME,
          maxLength: 64,
        }),
      ),
    },
    {
      description: 'What to mirror, how much of it, and where to.',
    },
  ),
  specProblem,
  SPEC_CEL,
);

/** What to mirror, how much of it, and where to. See docs/policy.md, which is made from this. */
export const MIRROR_POLICY = object({
  apiVersion: word([API_VERSION], { description: 'Version of this document.' }),
  kind: word(['MirrorPolicy'], { description: 'Kind of this document.' }),
  metadata: object({
    name: text({
      description: 'Name of the policy, unique in its namespace.',
      expects: 'lower-case letters, digits, - and ., at most 253',
      pattern: OBJECT_NAME,
      maxLength: 253,
    }),
    namespace: text({
      description: 'Namespace of the policy; `podSelector` of `from` looks there.',
      expects: 'lower-case letters, digits and -, at most 63',
      pattern: NAMESPACE_NAME,
      maxLength: 63,
      default: 'default',
    }),
    labels: optional(
      stringMap(LABEL_NAME, LABEL_TEXT, {
        description: 'For people and tools.',
        expects: 'label names with their values',
      }),
    ),
    annotations: optional(
      stringMap(LABEL_NAME, text({ description: 'Value.', expects: 'a text' }), {
        description: 'For people and tools.',
        expects: 'names with texts',
      }),
    ),
  }, { description: 'Names the policy.' }),
  spec: SPEC,
});

/** A MirrorPolicy that has been checked: fields with a default are there. */
export type MirrorPolicy = Immutable<Static<typeof MIRROR_POLICY>>;
export type PolicySpec = MirrorPolicy['spec'];
export type LabelSelector = PolicySpec['selector'];
export type NetworkPeer = PolicySpec['from'][number];
export type MirrorTarget = PolicySpec['targets'][number];
export type PolicyLimits = PolicySpec['limits'];
export type CompareSpec = NonNullable<PolicySpec['compare']>;
