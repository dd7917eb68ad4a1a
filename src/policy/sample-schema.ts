import { integer, object, optional, ruled } from './shape.ts';

/** Share of requests, as in the Gateway API's RequestMirror filter. */
export const SAMPLE = ruled(
  object(
    {
      percent: optional(
        integer(0, 100, {
          description: 'Share in percent; 0 turns mirroring off.',
          expects: 'a whole number from 0 to 100 (for finer steps use sample.fraction)',
        }),
      ),
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
          { description: 'Share as a fraction, for finer steps than percent.' },
        ),
      ),
    },
    { description: 'Share of the matching requests that is mirrored, chosen at random; not given means all.' },
  ),
  ({ percent, fraction }) => {
    if (percent !== undefined && fraction !== undefined) return 'give percent or fraction, not both';
    if (percent === undefined && fraction === undefined) return 'give percent or fraction';
    if (fraction !== undefined && fraction.numerator > fraction.denominator) {
      return `give a numerator that is not above the denominator (${fraction.numerator} of ${fraction.denominator})`;
    }
    return null;
  },
);
