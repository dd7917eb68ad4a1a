import { HEADER_VALUE, TOKEN } from './names.ts';
import { object, ruled, text } from './shape.ts';

/** Fields that belong to the connection or to the message's framing: the client that sends the copy writes them. */
const CONNECTION_FIELDS = [
  'connection', 'content-length', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
];
const USE_HOSTNAME = 'use the hostname field of the target';
const NOT_OURS = 'give another header: this one belongs to the connection or the framing';

/** Name of a header that a copy may be without or have. */
export const HEADER_NAME = ruled(
  text({ description: 'Name of the header.', expects: 'a header name', pattern: TOKEN, maxLength: 256 }),
  (name) => {
    const lower = name.toLowerCase();
    if (lower === 'host') return USE_HOSTNAME;
    return CONNECTION_FIELDS.includes(lower) ? NOT_OURS : null;
  },
  [
    { rule: "self.lowerAscii() != 'host'", message: USE_HOSTNAME },
    { rule: `!(self.lowerAscii() in [${CONNECTION_FIELDS.map((name) => `'${name}'`).join(', ')}])`, message: NOT_OURS },
  ],
);

export const HEADER_TEXT = text({
  description: 'Value of the header.',
  expects: 'a header value without line breaks and surrounding spaces',
  pattern: HEADER_VALUE,
  maxLength: 4096,
});

export const HEADER = object({ name: HEADER_NAME, value: HEADER_TEXT });
