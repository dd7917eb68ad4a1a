import { CONNECTIONS, PIPELINING, PROTOCOL, TLS } from './delivery-schema.ts';
import { FILE } from './file-schema.ts';
import { FILTER } from './filter-schema.ts';
import { percent } from './sample-schema.ts';
import { NAMESPACE_NAME, SERVICE_NAME } from './names.ts';
import { integer, list, object, optional, ruled, text, word } from './shape.ts';

/** `host` or `host:port`; IPv6 addresses in brackets. */
const AUTHORITY = '^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$';
const WHOLE_AUTHORITY = new RegExp(AUTHORITY);
const HOSTNAME_EXPECTS = 'Preserve, Shadow, Target, or a host such as shadow.example or shadow.example:8080';

const URL_PROBLEMS = {
  address: 'give an address such as http://127.0.0.1:8080 or https://shadow.example/base',
  user: 'give the address without user and password (use a RequestHeaderModifier to set authorization)',
  query: 'give the address without query and fragment',
  port: 'give a port from 1 to 65535',
};

function urlProblem(value: string): string | null {
  // The URL parser drops line breaks and spaces around: what is checked here would not be what is used.
  const url = /^[\x21-\x7e]+$/.test(value) && URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^https?:\/\//i.test(value)) return URL_PROBLEMS.address;
  if (/^[^:]+:[/\\]*[^/\\]*@/.test(value)) return URL_PROBLEMS.user;
  if (/[?#]/.test(value)) return URL_PROBLEMS.query;
  return url.port === '0' ? URL_PROBLEMS.port : null;
}

/** What CEL can say of it: a URL parser may find more. */
const URL_CEL = [
  { rule: "self.matches(r'^(?i:https?)://[!-~]+$')", message: URL_PROBLEMS.address },
  { rule: "!self.matches(r'^[^:]+:[/\\\\]*[^/\\\\]*@')", message: URL_PROBLEMS.user },
  { rule: "!self.matches('[?#]')", message: URL_PROBLEMS.query },
  { rule: "!self.matches(r'^[^:]+:[/\\\\]*[^/\\\\]*:0+([/\\\\]|$)')", message: URL_PROBLEMS.port },
];

function isSecure(url: string | undefined): boolean {
  return url !== undefined && /^https:/i.test(url);
}

/** Address of a mirror. */
export const TARGET_URL = ruled(
  text({
    description: 'Address of the mirror; a path is put before the path of each request.',
    expects: 'an http or https address such as http://127.0.0.1:8080',
    maxLength: 2048,
  }),
  urlProblem,
  URL_CEL,
);

/** A Service of the cluster, as the Gateway API names it (BackendObjectReference). */
export const BACKEND_REF = object(
  {
    group: text({
      description: 'Group of the object: the core group, whose name is empty.',
      expects: 'an empty text, the name of the core group',
      maxLength: 0,
      default: '',
    }),
    kind: word(['Service'], { description: 'Kind of the object.', default: 'Service' }),
    name: text({
      description: 'Name of the Service.',
      expects: 'lower-case letters, digits and -, at most 63',
      pattern: SERVICE_NAME,
      maxLength: 63,
    }),
    namespace: optional(
      text({
        description: 'Its namespace; not given: that of the policy. Another one needs a ReferenceGrant there.',
        expects: 'lower-case letters, digits and -, at most 63',
        pattern: NAMESPACE_NAME,
        maxLength: 63,
      }),
    ),
    port: integer(1, 65_535, { description: 'Port of the Service.', expects: 'a port number from 1 to 65535' }),
  },
  { description: 'A Service whose ready endpoints get the copies by turns. In a cluster only.' },
);

const SECURE = "(has(self.url) && self.url.lowerAscii().startsWith('https:'))";

const NO_ANSWERS = 'leave out role: files do not answer';

const TARGET_CEL = [
  { rule: '[has(self.url), has(self.backendRef), has(self.file)].exists_one(given, given)', message: 'give one of url, backendRef and file' },
  { rule: 'self.filters.filter(each, has(each.urlRewrite)).size() <= 1', message: 'give one URLRewrite filter at most, with hostname and path' },
  {
    rule: "self.hostname == 'Preserve' || !self.filters.exists(each, has(each.urlRewrite) && has(each.urlRewrite.hostname))",
    message: 'give hostname or the hostname of URLRewrite, not both',
  },
  { rule: `!has(self.tls) || has(self.backendRef) || ${SECURE}`, message: 'leave out tls, or give an https address' },
  {
    rule: `self.pipelining == 1 || !(${SECURE} || has(self.backendRef) && has(self.tls))`,
    message: 'leave out pipelining: it is for http addresses',
  },
  { rule: "self.pipelining == 1 || self.protocol != 'HTTP/2'", message: 'leave out pipelining: it is for HTTP/1.1' },
  { rule: "!has(self.file) || self.protocol == 'Preserve'", message: 'leave out protocol: files have none' },
  {
    rule: '!has(self.file) || self.pipelining == 1 && !has(self.connections)',
    message: 'leave out pipelining and connections: files have none',
  },
  {
    rule: "!has(self.file) || self.hostname == 'Preserve' && self.filters.size() == 0",
    message: 'leave out hostname and filters: a file gets requests as they were sent',
  },
  { rule: "!has(self.file) || self.role == 'Mirror'", message: NO_ANSWERS },
];

/** Where copies go, and what is changed in them: an address, a Service or files. */
export const TARGET = ruled(
  object({
    url: optional(TARGET_URL),
    backendRef: optional(BACKEND_REF),
    file: optional(FILE),
    percent: percent('Share of the sampled requests that this target gets, chosen for each target by itself, at random or by `stickyBy`.', {
      default: 100,
    }),
    hostname: ruled(
      text({
        description:
          'Host of the copy: `Preserve` as sent; `Shadow` with `-shadow` added before the port, as Envoy does; `Target` that of the URL or `name.namespace.svc` of the Service; or a literal.',
        expects: HOSTNAME_EXPECTS,
        default: 'Preserve',
        maxLength: 255,
      }),
      (value) => {
        const near = ['Preserve', 'Shadow', 'Target'].find((mode) => mode.toLowerCase() === value.toLowerCase());
        if (near !== undefined) return near === value ? null : `write ${near}`;
        return WHOLE_AUTHORITY.test(value) ? null : `give ${HOSTNAME_EXPECTS}`;
      },
      [
        {
          rule: "self in ['Preserve', 'Shadow', 'Target'] || !(self.lowerAscii() in ['preserve', 'shadow', 'target'])",
          message: 'write Preserve, Shadow and Target with a capital letter',
        },
        { rule: `self.matches(r'${AUTHORITY}')`, message: `give ${HOSTNAME_EXPECTS}` },
      ],
    ),
    role: word(['Mirror', 'Baseline'], {
      description:
        '`Baseline`: the target runs the version that production runs, and what its answers differ in is noise. One target at most, beside one with role `Mirror`; needs `compare`.',
      default: 'Mirror',
    }),
    filters: list(FILTER, {
      description: 'Changes to each copy, in order, as in the Gateway API.',
      expects: 'a list of at most 16 filters',
      maxItems: 16,
      default: [],
    }),
    protocol: PROTOCOL,
    pipelining: PIPELINING,
    connections: CONNECTIONS,
    tls: optional(TLS),
  }),
  ({ url, backendRef, file, hostname, filters, protocol, pipelining, connections, tls, role }) => {
    const given = [url, backendRef, file].filter((place) => place !== undefined).length;
    if (given !== 1) return given === 0 ? 'give url, backendRef or file' : 'give one of url, backendRef and file';
    const rewrites = filters.flatMap(({ urlRewrite }) => urlRewrite ?? []);
    if (rewrites.length > 1) return 'give one URLRewrite filter at most, with hostname and path';
    if (hostname !== 'Preserve' && rewrites[0]?.hostname !== undefined) return 'give hostname or the hostname of URLRewrite, not both';
    if (tls !== undefined && backendRef === undefined && !isSecure(url)) return 'leave out tls, or give an https address';
    const secure = isSecure(url) || (backendRef !== undefined && tls !== undefined);
    if (pipelining > 1 && secure) return 'leave out pipelining: it is for http addresses';
    if (pipelining > 1 && protocol === 'HTTP/2') return 'leave out pipelining: it is for HTTP/1.1';
    if (file === undefined) return null;
    if (pipelining > 1 || connections !== undefined) return 'leave out pipelining and connections: files have none';
    if (protocol !== 'Preserve') return 'leave out protocol: files have none';
    if (role !== 'Mirror') return NO_ANSWERS;
    return hostname === 'Preserve' && filters.length === 0 ? null : 'leave out hostname and filters: a file gets requests as they were sent';
  },
  TARGET_CEL,
);
