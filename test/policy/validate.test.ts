import { describe, expect, it } from 'vitest';
import { policyName } from '../../src/policy/policy-name.ts';
import { validatePolicy } from '../../src/policy/validate.ts';
import { complaints, policy, policyDocument } from './support.ts';

const URL = 'http://127.0.0.1:9090';
const target = (fields: Record<string, unknown>) => ({ targets: [{ url: URL, ...fields }] });
const file = (fields: Record<string, unknown>, beside: Record<string, unknown> = {}) => ({ targets: [{ file: { path: '/var/log/x.ndjson', ...fields }, ...beside }] });
const tls = (fields: Record<string, unknown>) => target({ url: 'https://x', tls: fields });
const adaptive = (fields: Record<string, unknown>) => ({ sample: { adaptive: fields } });
const match = (fields: Record<string, unknown>) => ({ matches: [fields] });
const modifier = (fields: Record<string, unknown>) =>
  target({ filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: fields }] });

const PORT = 'give a port number from 1 to 65535 or the name of a port of the endpoint';
const METHOD = 'give a method in capital letters, such as GET';
const PERCENT = 'give a number from 0 to 100, such as 10 or 0.5';
const RE2 = 'give a pattern in RE2 syntax (no look-around, no back-references)';
const DURATION = 'give a duration from 1ms to 1h, such as 5s or 250ms';
const ADDRESS = 'give an address such as http://127.0.0.1:8080 or https://shadow.example/base';
const HOST = 'give Preserve, Shadow, Target, or a host such as shadow.example or shadow.example:8080';
const PATH = 'give an absolute path of a file, such as /var/log/shadowtap/checkout.ndjson';
const LABEL = 'give a label value: letters, digits, -, _ and ., at most 63, as a text (quote numbers)';
const many = (count: number, item: unknown) => Array.from({ length: count }, () => item);

describe('a MirrorPolicy with nothing but what it must have', () => {
  it('gets every default', () => {
    expect(policy()).toEqual({
      apiVersion: 'shadowtap.dev/v1alpha1',
      kind: 'MirrorPolicy',
      metadata: { name: 'p', namespace: 'default' },
      spec: {
        selector: { matchLabels: {}, matchExpressions: [] },
        ports: [],
        from: [],
        matches: [],
        excludes: [],
        methods: 'All',
        trace: 'Unsampled',
        idempotencyKeys: 'Keep',
        targets: [{ url: URL, percent: 100, hostname: 'Preserve', filters: [], pipelining: 1 }],
        limits: { maxBodyBytes: 1_048_576, maxInFlight: 128, maxQueued: 1024, maxQueueBytes: 16_777_216, requestsPerSecond: 0, timeout: '5s' },
        ordering: 'None',
      },
    });
  });

  it('is called by namespace and name', () => {
    expect(policyName(policy({}, 'next'))).toBe('default/next');
  });

  it('leaves the document that it was read from alone', () => {
    const document = policyDocument();
    const before = structuredClone(document);
    validatePolicy(document);
    expect(document).toEqual(before);
  });
});

describe('good values', () => {
  it.each<[string, Record<string, unknown>]>([
    ['selector.matchLabels', { selector: { matchLabels: { app: 'checkout', 'example.com/tier': '' } } }],
    ['selector.matchExpressions', { selector: { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }, { key: 'b', operator: 'Exists' }] } }],
    ['ports', { ports: [1, 65_535, 'http', 'h2-admin'] }],
    ['matches.path', { matches: [{ path: { type: 'Exact', value: '/a' } }, { path: { value: '/b/' } }, { path: { type: 'RegularExpression', value: '/c/[0-9]+' } }] }],
    ['matches.method', match({ method: 'M-SEARCH' })],
    ['matches.headers', match({ headers: [{ name: 'X-Tenant', value: 'acme' }, { name: 'x', type: 'RegularExpression', value: '(?i)a|b' }] })],
    ['matches.queryParams', match({ queryParams: [{ name: 'v', value: '2' }, { name: 'a b', value: '' }] })],
    ['excludes', { excludes: [{ path: { value: '/health' } }] }],
    ['methods: Safe', { methods: 'Safe' }],
    ['methods: a list', { methods: ['GET', 'PURGE'] }],
    ['sample.percent', { sample: { percent: 0 } }],
    ['sample.fraction', { sample: { fraction: { numerator: 1 } } }],
    ['targets.url', { targets: [{ url: 'https://shadow.example/base' }, { url: 'http://[::1]:80' }] }],
    ['targets.percent', target({ percent: 50 })],
    ['targets.hostname: Shadow', target({ hostname: 'Shadow' })],
    ['targets.hostname: a literal', target({ hostname: 'shadow.example:8080' })],
    ['targets.hostname: an IPv6 literal', target({ hostname: '[::1]:8080' })],
    ['targets.filters', modifier({ set: [{ name: 'a', value: 'b c' }], add: [{ name: 'd', value: '' }], remove: ['Cookie'] })],
    ['targets.file', { targets: [{ file: { path: '/a/b.har', format: 'har', maxBytes: 65_536, maxFiles: 1, maxTotalBytes: 1_048_576, rotateEvery: '1s' } }] }],
    ['targets.pipelining and connections', target({ pipelining: 64, connections: 2 })],
    ['targets.tls', tls({ caFile: '/ca.pem', serverName: 'shadow.example', certFile: '/c.pem', keyFile: '/k.pem' })],
    ['targets.tls: insecure', tls({ insecureSkipVerify: true })],
    ['limits.requestsPerSecond', { limits: { requestsPerSecond: 0.5, burst: 10 } }],
    ['ordering', { ordering: 'Connection' }],
    ['sample.adaptive alone', { sample: { adaptive: {} } }],
    ['sample.adaptive', { sample: { percent: 10, adaptive: { maxErrorPercent: 2.5, maxLatency: '300ms', minPercent: 0.5 } } }],
    ['limits', { limits: { maxBodyBytes: 0, maxInFlight: 1, maxQueued: 0, maxQueueBytes: 0, timeout: '1m30s' } }],
  ])('are taken: %s', (_, spec) => {
    expect(complaints(policyDocument(spec))).toEqual([]);
  });
});

describe('bad values', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ selector: 'app' }, 'spec.selector: "app" is not allowed; give an object with matchLabels, matchExpressions'],
    [{ selector: { matchLabels: { app: 1 } } }, `spec.selector.matchLabels.app: 1 is not allowed; ${LABEL}`],
    [{ selector: { matchLabels: { 'a b': 'x' } } }, 'spec.selector.matchLabels: name "a b" is not allowed; give a label name such as app or example.com/app'],
    [{ selector: { matchExpressions: [{ key: 'a', operator: 'in', values: ['x'] }] } }, 'spec.selector.matchExpressions[0].operator: "in" is not allowed; give one of In, NotIn, Exists, DoesNotExist'],
    [{ selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, 'spec.selector.matchExpressions[0]: give values with operator In'],
    [{ selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } }, 'spec.selector.matchExpressions[0]: remove values: operator Exists takes none'],
    [{ ports: 8080 }, 'spec.ports: 8080 is not allowed; give a list of port numbers or names'],
    [{ ports: [0] }, `spec.ports[0]: 0 is not allowed; ${PORT}`],
    [{ ports: [80, 65_536] }, `spec.ports[1]: 65536 is not allowed; ${PORT}`],
    [{ ports: ['Not A Name'] }, `spec.ports[0]: "Not A Name" is not allowed; ${PORT}`],
    [{ ports: [80, 80] }, 'spec.ports: an entry is there twice; give each once'],
    [match({ path: { type: 'Prefix', value: '/a' } }), 'spec.matches[0].path.type: "Prefix" is not allowed; give one of Exact, PathPrefix, RegularExpression'],
    [match({ path: { value: 'api' } }), 'spec.matches[0].path: value "api" is not allowed; give a path that begins with /'],
    [match({ path: { type: 'Exact', value: '/a?b=1' } }), 'spec.matches[0].path: value "/a?b=1" is not allowed; give a path without spaces, ? and # (for the query use queryParams)'],
    [match({ path: { type: 'RegularExpression', value: '(a)\\1' } }), `spec.matches[0].path: value "(a)\\\\1" is not allowed; ${RE2}: invalid escape sequence: \`\\1\``],
    [match({ method: 'get' }), `spec.matches[0].method: "get" is not allowed; ${METHOD}`],
    [match({ headers: [{ name: 'a b', value: 'x' }] }), 'spec.matches[0].headers[0].name: "a b" is not allowed; give a header name'],
    [match({ headers: [{ name: 'a' }] }), 'spec.matches[0].headers[0].value: missing; give a text of at most 4096 characters'],
    [match({ headers: [{ name: 'a', value: 5 }] }), 'spec.matches[0].headers[0].value: 5 is not allowed; give a text of at most 4096 characters'],
    [match({ headers: [{ name: 'a', type: 'RegularExpression', value: '(?=x)' }] }), `spec.matches[0].headers[0]: value "(?=x)" is not allowed; ${RE2}: invalid or unsupported Perl syntax: \`(?=\``],
    [match({ headers: many(17, { name: 'a', value: 'b' }) }), 'spec.matches[0].headers: a list of 17 is not allowed; give a list of at most 16 header conditions'],
    [match({ queryParams: [{ name: '', value: 'x' }] }), 'spec.matches[0].queryParams[0].name: "" is not allowed; give a text of 1 to 256 characters'],
    [match({ queryParams: [{ name: 'v', type: 'Prefix', value: 'x' }] }), 'spec.matches[0].queryParams[0].type: "Prefix" is not allowed; give one of Exact, RegularExpression'],
    [{ matches: many(65, {}) }, 'spec.matches: a list of 65 is not allowed; give a list of at most 64 matches'],
    [{ excludes: [{ pth: {} }] }, 'spec.excludes[0].pth: unknown field; did you mean path?'],
    [{ methods: 'all' }, 'spec.methods: "all" is not allowed; give All, Safe, or a list of methods such as [GET, POST]'],
    [{ methods: [] }, 'spec.methods: an empty list is not allowed; give a list of methods'],
    [{ methods: ['GET', 'post'] }, `spec.methods[1]: "post" is not allowed; ${METHOD}`],
    [{ sample: {} }, 'spec.sample: give percent, fraction or adaptive'],
    [adaptive({ maxErrorPercent: 101 }), `spec.sample.adaptive.maxErrorPercent: 101 is not allowed; ${PERCENT}`],
    [adaptive({ maxLatency: '2h' }), 'spec.sample.adaptive.maxLatency: "2h" is not allowed; give a duration from 1ms to 1h, such as 500ms'],
    [adaptive({ maxLatency: 500 }), 'spec.sample.adaptive.maxLatency: 500 is not allowed; give a duration from 1ms to 1h, such as 500ms'],
    [adaptive({ minPercent: 0 }), 'spec.sample.adaptive.minPercent: 0 is not allowed; give a number from 0.1 to 100'],
    [adaptive({ maxErrors: 1 }), 'spec.sample.adaptive.maxErrors: unknown field; known here: maxErrorPercent, maxLatency, minPercent'],
    [{ sample: { percent: 1, fraction: { numerator: 1 } } }, 'spec.sample: give percent or fraction, not both'],
    [{ sample: { percent: 101 } }, `spec.sample.percent: 101 is not allowed; ${PERCENT}`],
    [{ sample: { percent: -1 } }, `spec.sample.percent: -1 is not allowed; ${PERCENT}`],
    [{ sample: { percent: NaN } }, `spec.sample.percent: NaN is not allowed; ${PERCENT}`],
    [{ sample: { percent: '10' } }, `spec.sample.percent: "10" is not allowed; ${PERCENT}`],
    [{ sample: { fraction: { numerator: 5, denominator: 2 } } }, 'spec.sample: give a numerator that is not above the denominator (5 of 2)'],
    [{ sample: { fraction: { numerator: 0, denominator: 0 } } }, 'spec.sample.fraction.denominator: 0 is not allowed; give a whole number from 1'],
    [{ targets: [] }, 'spec.targets: an empty list is not allowed; give a list of 1 to 16 targets'],
    [{ targets: null }, 'spec.targets: an empty value is not allowed; give a list of 1 to 16 targets'],
    [{ targets: [{}] }, 'spec.targets[0]: give url, backendRef or file'],
    [target({ file: { path: '/a' } }), 'spec.targets[0]: give one of url, backendRef and file'],
    [target({ backendRef: { name: 'a', port: 80 } }), 'spec.targets[0]: give one of url, backendRef and file'],
    [{ targets: [{ backendRef: { name: 'A', port: 80 } }] }, 'spec.targets[0].backendRef.name: "A" is not allowed; give lower-case letters, digits and -, at most 63'],
    [{ targets: [{ backendRef: { name: 'a' } }] }, 'spec.targets[0].backendRef.port: missing; give a port number from 1 to 65535'],
    [{ targets: [{ backendRef: { name: 'a', port: 80, kind: 'Pod' } }] }, 'spec.targets[0].backendRef.kind: "Pod" is not allowed; give Service'],
    [{ targets: [{ file: { path: '/a' }, hostname: 'Shadow' }] }, 'spec.targets[0]: leave out hostname and filters: a file gets requests as they were sent'],
    [{ targets: [{ file: {} }] }, `spec.targets[0].file.path: missing; ${PATH}`],
    [file({ path: 'a.ndjson' }), `spec.targets[0].file.path: "a.ndjson" is not allowed; ${PATH}`],
    [file({ path: '/var/../a' }), `spec.targets[0].file.path: "/var/../a" is not allowed; ${PATH}`],
    [file({ path: '/var/' }), `spec.targets[0].file.path: "/var/" is not allowed; ${PATH}`],
    [file({ format: 'json' }), 'spec.targets[0].file.format: "json" is not allowed; give one of ndjson, har'],
    [file({ maxBytes: 1 }), 'spec.targets[0].file.maxBytes: 1 is not allowed; give a number of bytes from 65536 to 1073741824'],
    [file({ maxFiles: 0 }), 'spec.targets[0].file.maxFiles: 0 is not allowed; give a number from 1 to 10000'],
    [file({ maxTotalBytes: '1G' }), 'spec.targets[0].file.maxTotalBytes: "1G" is not allowed; give a number of bytes from 1048576 to 1099511627776'],
    [file({ rotateEvery: '10ms' }), 'spec.targets[0].file.rotateEvery: "10ms" is not allowed; give a duration from 1s to 168h, such as 1h or 10m'],
    [file({ compress: true }), 'spec.targets[0].file.compress: unknown field; known here: path, format, maxBytes, rotateEvery, maxFiles, maxTotalBytes'],
    [target({ url: 'ftp://x' }), `spec.targets[0].url: "ftp://x" is not allowed; ${ADDRESS}`],
    [target({ url: 'http:/x' }), `spec.targets[0].url: "http:/x" is not allowed; ${ADDRESS}`],
    [target({ url: 'shadow:8080' }), `spec.targets[0].url: "shadow:8080" is not allowed; ${ADDRESS}`],
    [target({ url: 'http://u:p@x' }), 'spec.targets[0].url: "http://u:p@x" is not allowed; give the address without user and password (use a RequestHeaderModifier to set authorization)'],
    [target({ url: 'http://x/?a=1' }), 'spec.targets[0].url: "http://x/?a=1" is not allowed; give the address without query and fragment'],
    [target({ url: 'http://a\nb' }), `spec.targets[0].url: "http://a\\nb" is not allowed; ${ADDRESS}`],
    [target({ url: 'http://x:0' }), 'spec.targets[0].url: "http://x:0" is not allowed; give a port from 1 to 65535'],
    [target({ percent: 200 }), 'spec.targets[0].percent: 200 is not allowed; give a number from 0 to 100, such as 10 or 0.5'],
    [target({ hostname: 'preserve' }), 'spec.targets[0].hostname: "preserve" is not allowed; write Preserve'],
    [target({ hostname: 'a b' }), `spec.targets[0].hostname: "a b" is not allowed; ${HOST}`],
    [target({ hostname: 'a\r\nx: y' }), `spec.targets[0].hostname: "a\\r\\nx: y" is not allowed; ${HOST}`],
    [target({ filters: [{ type: 'RequestHeaderModifier' }] }), 'spec.targets[0].filters[0]: give requestHeaderModifier with type RequestHeaderModifier'],
    [modifier({}), 'spec.targets[0].filters[0].requestHeaderModifier: give set, add or remove'],
    [modifier({ set: [{ name: 'Host', value: 'x' }] }), 'spec.targets[0].filters[0].requestHeaderModifier.set[0].name: "Host" is not allowed; use the hostname field of the target'],
    [modifier({ remove: ['Content-Length'] }), 'spec.targets[0].filters[0].requestHeaderModifier.remove[0]: "Content-Length" is not allowed; give another header: this one belongs to the connection or the framing'],
    [modifier({ add: [{ name: 'a', value: 'b\nc' }] }), 'spec.targets[0].filters[0].requestHeaderModifier.add[0].value: "b\\nc" is not allowed; give a header value without line breaks and surrounding spaces'],
    [{ limits: { maxBodyBytes: -1 } }, 'spec.limits.maxBodyBytes: -1 is not allowed; give a number of bytes from 0 to 1073741824'],
    [{ limits: { maxInFlight: 0 } }, 'spec.limits.maxInFlight: 0 is not allowed; give a number from 1 to 65536'],
    [{ limits: { maxQueued: 1.5 } }, 'spec.limits.maxQueued: 1.5 is not allowed; give a number from 0 to 1048576'],
    [{ limits: { maxQueueBytes: '16Mi' } }, 'spec.limits.maxQueueBytes: "16Mi" is not allowed; give a number of bytes from 0 to 68719476736'],
    [{ limits: { timeout: 5 } }, `spec.limits.timeout: 5 is not allowed; ${DURATION}`],
    [{ limits: { timeout: '5' } }, `spec.limits.timeout: "5" is not allowed; ${DURATION}`],
    [{ limits: { timeout: '0s' } }, `spec.limits.timeout: "0s" is not allowed; ${DURATION}`],
    [{ limits: { requestsPerSecond: -1 } }, 'spec.limits.requestsPerSecond: -1 is not allowed; give a number from 0 to 1000000'],
    [{ limits: { requestsPerSecond: '5/s' } }, 'spec.limits.requestsPerSecond: "5/s" is not allowed; give a number from 0 to 1000000'],
    [{ limits: { requestsPerSecond: 5, burst: 0.5 } }, 'spec.limits.burst: 0.5 is not allowed; give a whole number from 1 to 1000000'],
    [{ limits: { burst: 5 } }, 'spec.limits: give requestsPerSecond with burst, or leave burst out'],
    [{ ordering: 'connection' }, 'spec.ordering: "connection" is not allowed; give one of None, Connection'],
    [target({ pipelining: 0 }), 'spec.targets[0].pipelining: 0 is not allowed; give a number from 1 to 64'],
    [target({ pipelining: 65 }), 'spec.targets[0].pipelining: 65 is not allowed; give a number from 1 to 64'],
    [target({ url: 'https://x', pipelining: 2 }), 'spec.targets[0]: leave out pipelining: it is for http addresses'],
    [target({ connections: 0 }), 'spec.targets[0].connections: 0 is not allowed; give a number from 1 to 1024'],
    [target({ connections: 1025 }), 'spec.targets[0].connections: 1025 is not allowed; give a number from 1 to 1024'],
    [file({}, { connections: 2 }), 'spec.targets[0]: leave out pipelining and connections: files have none'],
    [file({}, { tls: {} }), 'spec.targets[0]: leave out tls, or give an https address'],
    [target({ tls: {} }), 'spec.targets[0]: leave out tls, or give an https address'],
    [tls({ caFile: 'ca.pem' }), 'spec.targets[0].tls.caFile: "ca.pem" is not allowed; give an absolute path of a PEM file'],
    [tls({ serverName: 'a b' }), 'spec.targets[0].tls.serverName: "a b" is not allowed; give a host name such as shadow.example'],
    [tls({ certFile: '/c.pem' }), 'spec.targets[0].tls: give certFile and keyFile, or neither'],
    [tls({ keyFile: '/k.pem' }), 'spec.targets[0].tls: give certFile and keyFile, or neither'],
    [tls({ insecureSkipVerify: false }), 'spec.targets[0].tls.insecureSkipVerify: false is not allowed; give true'],
    [tls({ caFile: '/ca.pem', insecureSkipVerify: true }), 'spec.targets[0].tls: give caFile or insecureSkipVerify, not both'],
    [{ limits: { timeout: '2h' } }, `spec.limits.timeout: "2h" is not allowed; ${DURATION}`],
  ])('are refused: %j', (spec, complaint) => {
    expect(complaints(policyDocument(spec))).toEqual([complaint]);
  });

  it.each<[string, unknown, string[]]>([
    ['another version', { ...policyDocument(), apiVersion: 'v1' }, ['apiVersion: "v1" is not allowed; give shadowtap.dev/v1alpha1']],
    ['no name', { ...policyDocument(), metadata: {} }, ['metadata.name: missing; give lower-case letters, digits, - and ., at most 253']],
    ['a bad name', { ...policyDocument(), metadata: { name: 'A' } }, ['metadata.name: "A" is not allowed; give lower-case letters, digits, - and ., at most 253']],
    ['a bad namespace', { ...policyDocument(), metadata: { name: 'a', namespace: 'a.b' } }, ['metadata.namespace: "a.b" is not allowed; give lower-case letters, digits and -, at most 63']],
    ['no object', 5, [': 5 is not allowed; give an object with apiVersion, kind, metadata, spec']],
    ['nothing', null, [': an empty value is not allowed; give an object with apiVersion, kind, metadata, spec']],
  ])('are refused in the frame of the document: %s', (_, document, expected) => {
    expect(complaints(document)).toEqual(expected);
  });

  it('are all reported, not only the first', () => {
    expect(complaints(policyDocument({ ports: [0], methods: 'x', sample: {} }))).toHaveLength(3);
  });

  it('are shown short however long they are', () => {
    const [complaint] = complaints(policyDocument({ methods: 'x'.repeat(10_000) }));
    expect(complaint!.length).toBeLessThan(200);
  });
});

describe('fields that this version does not have', () => {
  it.each<[string, Record<string, unknown>]>([
    ['spec.compare', { compare: {} }],
  ])('are refused, never ignored: %s', (path, spec) => {
    expect(complaints(policyDocument(spec))).toEqual([`${path}: not supported yet by this version; remove it`]);
  });

  it('are refused with the field that was meant', () => {
    expect(complaints(policyDocument({ smaple: {} }))).toEqual(['spec.smaple: unknown field; did you mean sample?']);
    expect(complaints(policyDocument(target({ hostName: 'x' })))).toEqual(['spec.targets[0].hostName: unknown field; did you mean hostname?']);
  });

  it('are refused with all that is known where nothing is near', () => {
    expect(complaints(policyDocument({ limits: { zzz: 1 } }))).toEqual([
      'spec.limits.zzz: unknown field; known here: maxBodyBytes, maxInFlight, maxQueued, maxQueueBytes, requestsPerSecond, burst, timeout',
    ]);
  });

  it('are refused even if called like something of every object', () => {
    const spec = JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}') as Record<string, unknown>;
    const document = policyDocument();
    const hostile = { ...document, spec: Object.defineProperties({ ...(document['spec'] as object) }, Object.getOwnPropertyDescriptors(spec)) };
    expect(complaints(hostile).map((line) => line.split(';')[0])).toEqual([
      'spec.__proto__: unknown field',
      'spec.constructor: unknown field',
    ]);
  });
});
