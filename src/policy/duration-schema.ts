import { DURATION, durationMs } from './duration.ts';
import { ruled, text } from './shape.ts';

/**
 * A duration as text.
 * @param least and `most`: durations themselves, such as `1ms` and `1h`
 */
export function durationText(least: string, most: string, notes: { description: string; examples: string; default?: string }) {
  const { examples, ...rest } = notes;
  const expects = `a duration from ${least} to ${most}, such as ${examples}`;
  return ruled(
    text({ ...rest, expects, pattern: DURATION, maxLength: 32 }),
    (value) => (durationMs(value) >= durationMs(least) && durationMs(value) <= durationMs(most) ? null : `give ${expects}`),
    [{ rule: `duration(self) >= duration('${least}') && duration(self) <= duration('${most}')`, message: `give ${expects}` }],
  );
}
