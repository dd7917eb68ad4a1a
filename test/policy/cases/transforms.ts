/** Policies that change, sample or hide, right and wrong. */

const URL = 'http://127.0.0.1:9090';
const filters = (...list: unknown[]) => ({ targets: [{ url: URL, filters: list }] });
const rewrite = (urlRewrite: unknown) => ({ type: 'URLRewrite', urlRewrite });
const path = (fields: Record<string, unknown>) => filters(rewrite({ path: fields }));
const query = (queryModifier: unknown) => filters({ type: 'QueryModifier', queryModifier });
const from = (...list: unknown[]) => ({ from: list });
const FILTER = 'spec.targets[0].filters[0]';

const CIDR = 'give a block such as 10.0.0.0/8 or fd00::/8';
const PERCENT = 'give a number from 0 to 100, such as 10 or 0.5';
const PATH = 'give a path that begins with /, without spaces, ? and #';
const POINTER = 'give a JSON pointer such as /card/number or /items/*/price';
const KINDS = 'give exactly one of header, cookie, queryParam, sourceIP, traceId';
const HOSTNAME = 'give a host name in lower-case letters, such as shadow.example, without a port';
const SECRETS = 'give headers, cookies, queryParams or jsonFields';
const many = (count: number, item: unknown) => Array.from({ length: count }, () => item);

/** Fields of `spec` that are right, and what they are about. */
export const GOOD: readonly (readonly [string, Record<string, unknown>])[] = [
  ['from.ipBlock', from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { ipBlock: { cidr: '2001:db8::/32' } })],
  ['from.podSelector', from({ podSelector: { matchLabels: { app: 'web' } } }, { podSelector: {}, namespaceSelector: {} })],
  ['from.namespaceSelector', from({ namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } })],
  ['from: empty', { from: [] }],
  ['sample.percent with fractions', { sample: { percent: 0.001 } }],
  ['targets.percent with fractions', { targets: [{ url: URL, percent: 12.5 }] }],
  ['stickyBy.header', { stickyBy: { header: 'X-User', seed: 'users' } }],
  ['stickyBy.cookie', { stickyBy: { cookie: 'sid' } }],
  ['stickyBy.queryParam', { stickyBy: { queryParam: 'u[id]' } }],
  ['stickyBy.sourceIP', { stickyBy: { sourceIP: true } }],
  ['stickyBy.traceId', { stickyBy: { traceId: true } }],
  ['filters: URLRewrite', filters(rewrite({ hostname: 'next.example', path: { type: 'ReplaceFullPath', replaceFullPath: '/a%20b' } }))],
  ['filters: ReplacePrefixMatch', path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '' })],
  ['filters: ReplacePrefixMatch with prefixes', { ...path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/' }), matches: [{ path: { value: '/a' } }, { method: 'GET' }] }],
  ['filters: QueryModifier', query({ set: [{ name: 'a', value: '' }], remove: ['b'] })],
  ['marker', { marker: { name: 'X-Shadow', value: 'yes' } }],
  ['marker.value', { marker: { value: 'yes' } }],
  ['trace', { trace: 'Drop' }],
  ['idempotencyKeys', { idempotencyKeys: 'Rewrite' }],
  ['redact', { redact: { headers: ['Authorization'], cookies: ['sid'], queryParams: ['token'], jsonFields: ['/a/*/b~1c', '/'], mode: 'Hash' } }],
];

/** Fields of `spec` that are wrong, and the complaint. */
export const BAD: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ from: {} }, 'spec.from: an object is not allowed; give a list of at most 64 sources'],
  [from({}), 'spec.from[0]: give podSelector, namespaceSelector or ipBlock'],
  [from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }), 'spec.from[0]: give selectors or ipBlock, not both; use two entries for two kinds of sources'],
  [from({ ipBlock: {} }), 'spec.from[0].ipBlock.cidr: missing; give a block such as 10.0.0.0/8 or fd00::/8'],
  [from({ ipBlock: { cidr: '10.0.0.1' } }), `spec.from[0].ipBlock: cidr "10.0.0.1" is not allowed; ${CIDR} (for one address write 10.0.0.1/32)`],
  [from({ ipBlock: { cidr: '::1' } }), `spec.from[0].ipBlock: cidr "::1" is not allowed; ${CIDR} (for one address write ::1/128)`],
  [from({ ipBlock: { cidr: '10.0.0.0/33' } }), `spec.from[0].ipBlock: cidr "10.0.0.0/33" is not allowed; ${CIDR}`],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['nine'] } }), `spec.from[0].ipBlock: except "nine" is not allowed; ${CIDR}`],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }), 'spec.from[0].ipBlock: except "11.0.0.0/16" is not allowed; give a block within 10.0.0.0/8'],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/7'] } }), 'spec.from[0].ipBlock: except "10.0.0.0/7" is not allowed; give a block within 10.0.0.0/8'],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['fd00::/16'] } }), 'spec.from[0].ipBlock: except "fd00::/16" is not allowed; give a block within 10.0.0.0/8'],
  [from({ podSelector: { matchLabels: { app: 1 } } }), 'spec.from[0].podSelector.matchLabels.app: 1 is not allowed; give a label value: letters, digits, -, _ and ., at most 63, as a text (quote numbers)'],
  [from({ podSelektor: {} }), 'spec.from[0].podSelektor: unknown field; did you mean podSelector?'],
  [{ sample: { percent: 100.1 } }, `spec.sample.percent: 100.1 is not allowed; ${PERCENT}`],
  [{ sample: { percent: Infinity } }, `spec.sample.percent: Infinity is not allowed; ${PERCENT}`],
  [{ targets: [{ url: URL, percent: -0.5 }] }, `spec.targets[0].percent: -0.5 is not allowed; ${PERCENT}`],
  [{ stickyBy: {} }, `spec.stickyBy: ${KINDS}`],
  [{ stickyBy: { seed: 'x' } }, `spec.stickyBy: ${KINDS}`],
  [{ stickyBy: { header: 'a', cookie: 'b' } }, `spec.stickyBy: ${KINDS}`],
  [{ stickyBy: { header: 'a b' } }, 'spec.stickyBy.header: "a b" is not allowed; give a header name'],
  [{ stickyBy: { cookie: '' } }, 'spec.stickyBy.cookie: "" is not allowed; give a cookie name'],
  [{ stickyBy: { queryParam: '' } }, 'spec.stickyBy.queryParam: "" is not allowed; give a text of 1 to 256 characters'],
  [{ stickyBy: { sourceIP: false } }, 'spec.stickyBy.sourceIP: false is not allowed; give true'],
  [{ stickyBy: { traceId: 'yes' } }, 'spec.stickyBy.traceId: "yes" is not allowed; give true'],
  [filters({ type: 'URLRewrite' }), `${FILTER}: give urlRewrite with type URLRewrite`],
  [filters({ type: 'RequestMirror' }), `${FILTER}.type: "RequestMirror" is not allowed; give one of RequestHeaderModifier, URLRewrite, QueryModifier`],
  [filters({ type: 'URLRewrite', urlRewrite: { hostname: 'a' }, queryModifier: { remove: ['a'] } }), `${FILTER}: remove queryModifier: type URLRewrite takes only urlRewrite`],
  [filters(rewrite({})), `${FILTER}.urlRewrite: give hostname or path`],
  [filters(rewrite({ hostname: 'a:80' })), `${FILTER}.urlRewrite.hostname: "a:80" is not allowed; ${HOSTNAME}`],
  [filters(rewrite({ hostname: '*.example' })), `${FILTER}.urlRewrite.hostname: "*.example" is not allowed; ${HOSTNAME}`],
  [path({}), `${FILTER}.urlRewrite.path.type: missing; give one of ReplaceFullPath, ReplacePrefixMatch`],
  [path({ type: 'ReplaceFullPath' }), `${FILTER}.urlRewrite.path: give replaceFullPath and nothing else with type ReplaceFullPath`],
  [path({ type: 'ReplacePrefixMatch', replaceFullPath: '/a' }), `${FILTER}.urlRewrite.path: give replacePrefixMatch and nothing else with type ReplacePrefixMatch`],
  [path({ type: 'ReplaceFullPath', replaceFullPath: 'a' }), `${FILTER}.urlRewrite.path.replaceFullPath: "a" is not allowed; ${PATH}`],
  [path({ type: 'ReplaceFullPath', replaceFullPath: '/a?b' }), `${FILTER}.urlRewrite.path.replaceFullPath: "/a?b" is not allowed; ${PATH}`],
  [path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/a b' }), `${FILTER}.urlRewrite.path.replacePrefixMatch: "/a b" is not allowed; ${PATH}`],
  [filters(rewrite({ hostname: 'a' }), rewrite({ hostname: 'b' })), 'spec.targets[0]: give one URLRewrite filter at most, with hostname and path'],
  [{ targets: [{ url: URL, hostname: 'Shadow', filters: [rewrite({ hostname: 'a' })] }] }, 'spec.targets[0]: give hostname or the hostname of URLRewrite, not both'],
  [
    { ...path({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/' }), matches: [{}, { path: { type: 'Exact', value: '/a' } }] },
    'spec: a target has a URLRewrite of type ReplacePrefixMatch: make the path of matches[1] a PathPrefix, or use ReplaceFullPath',
  ],
  [query({}), `${FILTER}.queryModifier: give set or remove`],
  [query({ remove: [''] }), `${FILTER}.queryModifier.remove[0]: "" is not allowed; give a text of 1 to 256 characters`],
  [query({ set: [{ name: 'a' }] }), `${FILTER}.queryModifier.set[0].value: missing; give a text of at most 4096 characters`],
  [{ marker: {} }, 'spec.marker: give name, value or both'],
  [{ marker: { name: 'Content-Length' } }, 'spec.marker.name: "Content-Length" is not allowed; give another header: this one belongs to the connection or the framing'],
  [{ marker: { value: 'a\r\nb: c' } }, 'spec.marker.value: "a\\r\\nb: c" is not allowed; give a header value without line breaks and surrounding spaces'],
  [{ trace: 'drop' }, 'spec.trace: "drop" is not allowed; give one of Unsampled, Keep, Drop'],
  [{ idempotencyKeys: true }, 'spec.idempotencyKeys: true is not allowed; give one of Keep, Rewrite'],
  [{ redact: {} }, `spec.redact: ${SECRETS}`],
  [{ redact: { mode: 'Hash' } }, `spec.redact: ${SECRETS}`],
  [{ redact: { headers: ['a'], mode: 'Mask' } }, 'spec.redact.mode: "Mask" is not allowed; give one of Remove, Hash'],
  [{ redact: { headers: ['Host'] } }, 'spec.redact.headers[0]: "Host" is not allowed; use the hostname field of the target'],
  [{ redact: { cookies: ['a=b'] } }, 'spec.redact.cookies[0]: "a=b" is not allowed; give a cookie name'],
  [{ redact: { queryParams: [''] } }, 'spec.redact.queryParams[0]: "" is not allowed; give a text of 1 to 256 characters'],
  [{ redact: { jsonFields: ['card.number'] } }, `spec.redact.jsonFields[0]: "card.number" is not allowed; ${POINTER}`],
  [{ redact: { jsonFields: [''] } }, `spec.redact.jsonFields[0]: "" is not allowed; ${POINTER}`],
  [{ redact: { jsonFields: ['/a~b'] } }, `spec.redact.jsonFields[0]: "/a~b" is not allowed; ${POINTER}; write ~0 for ~ and ~1 for / in names`],
  [{ redact: { jsonFields: ['/a'.repeat(33)] } }, `spec.redact.jsonFields[0]: "${'/a'.repeat(33)}" is not allowed; give a pointer of at most 32 elements`],
  [
    { matches: many(5, { headers: many(13, { name: 'a', type: 'RegularExpression', value: 'b' }) }) },
    'spec: give at most 64 patterns in matches, excludes and compare.ignore (here are 65)',
  ],
];
