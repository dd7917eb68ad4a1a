import { durationText } from './duration-schema.ts';
import { TOKEN } from './names.ts';
import { integer, number, object, optional, ruled, text, yes } from './shape.ts';

/** A share in percent. */
export function percent(description: string, notes: { readonly default?: number } = {}) {
  return number(0, 100, { description, expects: 'a number from 0 to 100, such as 10 or 0.5', ...notes });
}

const ADAPTIVE = object(
  {
    maxErrorPercent: percent('Share of failed copies and 5xx answers beyond which less is mirrored.', { default: 5 }),
    maxLatency: optional(
      durationText('1ms', '1h', {
        description: 'Mean time to the end of the answers beyond which less is mirrored; not given: however long.',
        examples: '500ms',
      }),
    ),
    minPercent: number(0.1, 100, {
      description: 'Percent of the sample that is mirrored however the mirror fares, so that its recovery shows.',
      expects: 'a number from 0.1 to 100',
      default: 1,
    }),
  },
  {
    description:
      'Mirrors less while the mirror fails or is slow, and more again when it is well: each second the share of the sample halves or rises by 5 percent points. Each worker judges by itself.',
  },
);

/** Share of requests, as in the Gateway API's RequestMirror filter. */
export const SAMPLE = ruled(
  object(
    {
      percent: optional(percent('Share in percent, fractions allowed; 0 turns mirroring off.')),
      fraction: optional(
        object(
          {
            numerator: integer(0, 2_147_483_647, { description: 'Requests mirrored ...', expects: 'a whole number from 0' }),
            denominator: integer(1, 2_147_483_647, {
              description: '... of so many.',
              expects: 'a whole number from 1',
              default: 100,
            }),
          },
          { description: 'Share as a fraction.' },
        ),
      ),
      adaptive: optional(ADAPTIVE),
    },
    {
      description: 'Share of the matching requests that is mirrored, chosen at random or by `stickyBy`; not given means all.',
    },
  ),
  ({ percent, fraction, adaptive }) => {
    if (percent !== undefined && fraction !== undefined) return 'give percent or fraction, not both';
    if (percent === undefined && fraction === undefined && adaptive === undefined) return 'give percent, fraction or adaptive';
    if (fraction !== undefined && fraction.numerator > fraction.denominator) {
      return `give a numerator that is not above the denominator (${fraction.numerator} of ${fraction.denominator})`;
    }
    return null;
  },
  [
    { rule: '!has(self.percent) || !has(self.fraction)', message: 'give percent or fraction, not both' },
    { rule: 'has(self.percent) || has(self.fraction) || has(self.adaptive)', message: 'give percent, fraction or adaptive' },
    {
      rule: '!has(self.fraction) || self.fraction.numerator <= self.fraction.denominator',
      message: 'give a numerator that is not above the denominator',
    },
  ],
);

const KINDS = ['header', 'cookie', 'queryParam', 'sourceIP', 'traceId'] as const;

/** What makes requests belong together: they are sampled alike. */
export const STICKY_BY = ruled(
  object(
    {
      header: optional(text({ description: 'By the value of this header.', expects: 'a header name', pattern: TOKEN, maxLength: 256 })),
      cookie: optional(text({ description: 'By the value of this cookie.', expects: 'a cookie name', pattern: TOKEN, maxLength: 256 })),
      queryParam: optional(
        text({
          description: 'By the value of this query parameter.',
          expects: 'a text of 1 to 256 characters',
          minLength: 1,
          maxLength: 256,
        }),
      ),
      sourceIP: optional(yes({ description: 'By the address that the connection comes from.' })),
      traceId: optional(yes({ description: 'By the trace id of `traceparent`, `b3` or `x-b3-traceid`.' })),
      seed: optional(
        text({
          description:
            'Policies with the same seed choose alike, so that one user is in or out of all of them. Not given: each policy chooses by itself.',
          expects: 'a text of 1 to 256 characters',
          minLength: 1,
          maxLength: 256,
        }),
      ),
    },
    { description: 'Requests with the same key are in or out of the sample together, on every node and after every restart.' },
  ),
  (value) => {
    const given = KINDS.filter((kind) => value[kind] !== undefined);
    return given.length === 1 ? null : `give exactly one of ${KINDS.join(', ')}`;
  },
  [
    {
      rule: `[${KINDS.map((kind) => `has(self.${kind})`).join(', ')}].exists_one(given, given)`,
      message: `give exactly one of ${KINDS.join(', ')}`,
    },
  ],
);
