import { durationText } from './duration-schema.ts';
import { MAX_CONNECTIONS } from './max-connections.ts';
import { integer, number, object, optional, ruled, text, word, yes } from './shape.ts';

const MIB = 1 << 20;

/** Bounds on what mirroring may cost. */
export const LIMITS = ruled(
  object(
    {
      maxBodyBytes: integer(0, 1024 * MIB, {
        description:
          'Largest request content that is mirrored; a larger request is counted `too-large` and not sent. Of a call of gRPC it is the largest message; a larger one ends its copy.',
        expects: 'a number of bytes from 0 to 1073741824',
        default: MIB,
      }),
      maxInFlight: integer(1, 65_536, {
        description: 'Copies under way to one target at a time.',
        expects: 'a number from 1 to 65536',
        default: 128,
      }),
      maxQueued: integer(0, 1_048_576, {
        description: 'Copies that wait for one target; when it is reached the newest are shed.',
        expects: 'a number from 0 to 1048576',
        default: 1024,
      }),
      maxQueueBytes: integer(0, 64 * 1024 * MIB, {
        description: 'Bytes of the copies that wait for one target or are under way. A call of gRPC whose messages find no more room is reset.',
        expects: 'a number of bytes from 0 to 68719476736',
        default: 16 * MIB,
      }),
      requestsPerSecond: number(0, 1_000_000, {
        description:
          'Copies a second to one target; those beyond it are shed. 0 means no limit. Each worker has an equal part of it, so with few connections and many workers less may arrive.',
        expects: 'a number from 0 to 1000000',
        default: 0,
      }),
      burst: optional(
        integer(1, 1_000_000, {
          description: 'Copies that may go out at once after a pause; not given: as many as in one second. Needs `requestsPerSecond`.',
          expects: 'a whole number from 1 to 1000000',
        }),
      ),
      timeout: durationText('1ms', '1h', {
        description:
          'Longest time from sending a copy to the end of its answer. Of a call of gRPC it is the longest silence of a mirror that has something to take, or is to end because the original has ended; besides, its own `grpc-timeout` holds.',
        examples: '5s or 250ms',
        default: '5s',
      }),
    },
    { description: 'Bounds on what mirroring may cost.', default: {} },
  ),
  ({ burst, requestsPerSecond }) => (burst !== undefined && requestsPerSecond === 0 ? 'give requestsPerSecond with burst, or leave burst out' : null),
  [{ rule: '!has(self.burst) || self.requestsPerSecond > 0.0', message: 'give requestsPerSecond with burst, or leave burst out' }],
);

/** Whether the copies of a connection may overtake each other. */
export const ORDERING = word(['None', 'Connection'], {
  description:
    '`Connection`: the requests of one client connection reach a target in their order, one at a time; those of other connections go on meanwhile. Calls of gRPC begin as they come.',
  default: 'None',
});

/** Calls of gRPC. */
export const GRPC = object(
  {
    streaming: word(['Mirror', 'Skip'], {
      description:
        '`Mirror`: calls are sent message by message as they happen. `Skip`: a call is sent once its client has ended its side after one message, as in unary and server-streaming calls; with a second message it ends as `method: streaming`.',
      default: 'Mirror',
    }),
  },
  { description: 'What is done with calls of gRPC.', default: {} },
);

/** What copies are sent in. */
export const PROTOCOL = word(['Preserve', 'HTTP/1.1', 'HTTP/2'], {
  description:
    'What copies are sent in: `Preserve` what the request came in, so that one of HTTP/2 goes out as HTTP/2, by prior knowledge to `http` addresses and negotiated by ALPN with `https` ones; `HTTP/1.1`, and what cannot be said in it (gRPC, trailers) is `failed: rejected`; `HTTP/2`.',
  default: 'Preserve',
});

/** How copies get to one target. */
export const PIPELINING = integer(1, 64, {
  description:
    'Requests that may be under way on one connection of HTTP/1.1 (pipelining), whatever their methods. More than 1 makes sending much cheaper; an answer that takes long holds up those behind it, and when a connection breaks all that are unanswered on it fail. Only for `http` addresses.',
  expects: 'a number from 1 to 64',
  default: 1,
});

export const CONNECTIONS = optional(
  integer(1, MAX_CONNECTIONS, {
    description:
      'Connections to the target at a time, in each worker; not given: as many as `maxInFlight` and `pipelining` need, up to 1024. No more than `connections` × `pipelining` copies are under way, whatever `maxInFlight` says, unless `protocol` is `HTTP/2`.',
    expects: 'a number from 1 to 1024',
  }),
);

const pemFile = (description: string) =>
  optional(text({ description, expects: 'an absolute path of a PEM file', pattern: '^/', maxLength: 1024 }));

/** For `https` targets. */
export const TLS = ruled(
  object(
    {
      caFile: pemFile('Certificates of the authorities that are trusted, in place of the well-known ones.'),
      serverName: optional(
        text({
          description: 'Name that the server is asked for (SNI) and that its certificate must bear; not given: the host of `url`, or `name.namespace.svc` of the Service.',
          expects: 'a host name such as shadow.example',
          pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$',
          maxLength: 253,
        }),
      ),
      certFile: pemFile('Certificate that we show, with those between it and its authority.'),
      keyFile: pemFile('Key of that certificate.'),
      insecureSkipVerify: optional(yes({ description: 'Talks to whoever answers: the certificate is not looked at.' })),
    },
    { description: 'How the mirror proves who it is, and how we do. Files are read when the configuration is.' },
  ),
  ({ caFile, certFile, keyFile, insecureSkipVerify }) => {
    if ((certFile === undefined) !== (keyFile === undefined)) return 'give certFile and keyFile, or neither';
    return caFile !== undefined && insecureSkipVerify === true ? 'give caFile or insecureSkipVerify, not both' : null;
  },
  [
    { rule: 'has(self.certFile) == has(self.keyFile)', message: 'give certFile and keyFile, or neither' },
    { rule: '!has(self.caFile) || !has(self.insecureSkipVerify)', message: 'give caFile or insecureSkipVerify, not both' },
  ],
);
