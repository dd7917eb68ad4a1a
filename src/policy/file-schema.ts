import { durationText } from './duration-schema.ts';
import { integer, object, ruled, text, word } from './shape.ts';

const MIB = 1 << 20;
const PATH_EXPECTS = 'an absolute path of a file, such as /var/log/shadowtap/checkout.ndjson';
/** Absolute, and not ending in a slash. A file's name has room for 255 bytes, 40 of which are ours. */
const FILE_PATH = '^(?:/[^/\\x00]+)*/[^/\\x00]{1,200}$';

/** Files that a target writes to. Their total size and number hold for all workers together; see docs/recording.md. */
export const FILE = object(
  {
    path: ruled(
      text({
        description:
          'Where the files are: each gets the time, the worker and a number before its extension. The folder is made if need be.',
        expects: PATH_EXPECTS,
        pattern: FILE_PATH,
        maxLength: 1024,
      }),
      (value) => (/\/\.{1,2}(?:\/|$)/.test(value) ? `give ${PATH_EXPECTS}` : null),
      [{ rule: "!self.matches(r'/[.]{1,2}(/|$)')", message: `give ${PATH_EXPECTS}` }],
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
    rotateEvery: durationText('1s', '168h', {
      description: 'Age at which the next file is begun.',
      examples: '1h or 10m',
      default: '1h',
    }),
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
