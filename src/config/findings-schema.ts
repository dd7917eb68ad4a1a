import { isIP } from 'node:net';
import { durationText } from '../policy/duration-schema.ts';
import { object, optional, ruled, text, word } from '../policy/shape.ts';
import { isMetadataAddress } from './metadata-address.ts';

const MAX_URL = 2048;

/** How attacks and faults are found in the traffic of observed pods, and who is told. */
export const FINDINGS = object(
  {
    learning: durationText('10s', '24h', {
      description: 'For how long it is learnt what is usual, from the first request of each endpoint on; before, nothing is called a flood.',
      examples: '5m',
      default: '5m',
    }),
    webhook: optional(
      ruled(
        text({
          description: 'Where findings are sent as JSON, in batches, with POST. Not given: nowhere.',
          expects: 'a URL such as https://hooks.example/shadowtap',
          pattern: '^https?://',
          maxLength: MAX_URL,
        }),
        webhookProblem,
      ),
    ),
    minSeverity: word(['info', 'low', 'medium', 'high'], { description: 'The least severity of findings that are sent to `webhook`.', default: 'medium' }),
    headersFile: optional(
      text({
        description: 'File with headers for `webhook`, one `Name: value` a line, such as an Authorization.',
        expects: 'a path such as /etc/shadowtap/webhook-headers',
        pattern: '^/',
      }),
    ),
  },
  { description: 'Attacks and faults that are found in the traffic of pods with `observe`; see [findings.md](findings.md).', default: {} },
);

function webhookProblem(value: string): string | null {
  if (!URL.canParse(value)) return 'give a URL such as https://hooks.example/shadowtap';
  const { hostname, username, password, hash } = new URL(value);
  if (username !== '' || password !== '') return 'give credentials in headersFile, not in the URL';
  if (hash !== '') return 'give a URL without a fragment';
  const address = hostname.replace(/^\[|\]$/g, '');
  return isIP(address) !== 0 && isMetadataAddress(address) ? 'link-local addresses and metadata services are no place for findings; give another' : null;
}
