import { durationMs, isDuration } from './duration.ts';
import { integer, object, ruled, text, word } from './shape.ts';

const MIB = 1 << 20;
const PATH_EXPECTS = 'an absolute path of a file, such as /var/log/shadowtap/checkout.ndjson';
const ROTATION_EXPECTS = 'a duration from 1s to 168h, such as 1h or 10m';

/** Files that a target writes to. Their total size and number hold for all workers together; see docs/recording.md. */
export const FILE = object(
  {
    path: ruled(
      text({
        description:
          'Where the files are: each gets the time, the worker and a number before its extension. The folder is made if need be.',
        expects: PATH_EXPECTS,
        maxLength: 1024,
      }),
      (value) => {
        const names = value.split('/');
        const good = value.startsWith('/') && names.slice(1).every((name) => name !== '' && name !== '.' && name !== '..');
        // A file's name has room for 255 bytes, 40 of which are ours.
        return good && !value.includes('\0') && names.at(-1)!.length <= 200 ? null : `give ${PATH_EXPECTS}`;
      },
    ),
    format: word(['ndjson', 'har'], {
      description: '`ndjson`: an exchange a line; `har`: HTTP Archive 1.2, as browsers and proxies read it.',
      default: 'ndjson',
    }),
    maxBytes: integer(65_536, 1024 * MIB, {
      description: 'Size at which the next file is begun. An exchange that does not fit into one is counted `too-large`.',
      expects: 'a number of bytes from 65536 to 1073741824',
      default: 64 * MIB,
    }),
    rotateEvery: ruled(
      text({ description: 'Age at which the next file is begun.', expects: ROTATION_EXPECTS, default: '1h' }),
      (value) => {
        const ms = durationMs(value);
        return isDuration(value) && ms >= 1000 && ms <= 168 * 3_600_000 ? null : `give ${ROTATION_EXPECTS}`;
      },
    ),
    maxFiles: integer(1, 10_000, {
      description: 'Files that are kept, at least one for each worker; the oldest goes first.',
      expects: 'a number from 1 to 10000',
      default: 100,
    }),
    maxTotalBytes: integer(MIB, 1024 * 1024 * MIB, {
      description: 'Bytes of all files together; the oldest goes first.',
      expects: 'a number of bytes from 1048576 to 1099511627776',
      default: 1024 * MIB,
    }),
  },
  { description: 'Files that record both sides of each exchange, in place of an address.' },
);
