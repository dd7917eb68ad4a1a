import { Dice, request, response, type Event, type Headers } from './world.ts';

/** Ordinary traffic of some hours: nobody in it means harm, though some of it looks odd. */
export function ordinaryTraffic(seed: number, hours: number): Event[] {
  const seconds = hours * 3600;
  const actors = [
    ...times(60, (i) => browser(new Dice(seed * 1000 + i), `203.0.113.${i + 1}`, seconds, 1 / 20)),
    ...times(150, (i) => browser(new Dice(seed * 1000 + 100 + i), NAT, seconds, 1 / 60)),
    ...times(20, (i) => apiClient(new Dice(seed * 1000 + 300 + i), `10.2.0.${i + 1}`, seconds)),
    ...times(10, (i) => mobileApp(new Dice(seed * 1000 + 400 + i), `198.51.100.${i + 1}`, seconds, i === 0)),
    crawler(new Dice(seed * 1000 + 500), '66.249.66.1', seconds),
    continuousIntegration(new Dice(seed * 1000 + 501), '10.3.0.1', seconds),
    buildCache(new Dice(seed * 1000 + 502), '10.3.0.2', seconds),
    probe('10.0.0.1', seconds),
    outage(new Dice(seed * 1000 + 503), seconds * 0.6),
    newsletter(new Dice(seed * 1000 + 504), seconds * 0.8, seconds),
    oddities(new Dice(seed * 1000 + 505), seconds),
    incidents(new Dice(seed * 1000 + 506), seconds),
  ];
  return actors.flat().filter(({ at }) => at < seconds).sort((a, b) => a.at - b.at);
}

/** Many people behind one address. */
const NAT = '192.0.2.10';

const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
];

/** What people type, where a careless rule would see more in it. */
const SEARCHES = [
  'blue shoes', "rock 'n' roll", "o'reilly or bust", "women's coats and jackets", 'select a gift for two', 'union jack flag', '100% cotton', 'c++ & c#', 'salt | pepper', 'drop table lamp',
  'script fonts', 'price < 50', 'size = 42', 'and/or', "don't -- worry", 'cat food; dog food', 'café crème', '{brackets}', 'a or b = c', 'version 1.2.3', '$100 gift card', 'order by phone', "levi's 501", '(new)',
  'passwords for beginners', 'bin bags', 'etc.', 'ssh keys poster', 'env friendly', 'id card holder', 'cmd key', 'sleep mask', 'benchmark (book)',
];

function browser(dice: Dice, client: string, seconds: number, pagesPerSecond: number): Event[] {
  const events: Event[] = [];
  const agent = dice.of(AGENTS);
  const cookie = `session=${dice.hex(32)}; theme=${dice.of(['dark', 'light'])}; _ga=GA1.1.${dice.below(1e9)}.${dice.below(1e9)}`;
  const headers: Headers = { 'User-Agent': agent, Accept: 'text/html,*/*;q=0.8', 'Accept-Language': 'en-US,en;q=0.5', 'Accept-Encoding': 'gzip, br', Cookie: cookie };
  const say = (at: number, method: string, target: string, status: number, body = ''): void => {
    events.push({ at, client, endpoint: 1, request: request(method, target, headers, body), response: response(status) });
  };
  for (let at = dice.wait(pagesPerSecond); at < seconds; at += dice.wait(pagesPerSecond)) {
    const what = dice.next();
    if (what < 0.35) say(at, 'GET', `/products/${dice.below(3000)}`, 200);
    else if (what < 0.6) say(at, 'GET', `/search?q=${encoded(dice.of(SEARCHES), dice)}&page=${dice.below(5)}`, 200);
    else if (what < 0.7) say(at, 'GET', `/category/${dice.of(['shoes', 'coats', 'lamps', 'books'])}?sort=price&dir=asc&utm_source=mail&utm_campaign=spring+sale`, 200);
    else if (what < 0.76) say(at, 'POST', '/cart/items', 201, `{"sku":"${dice.hex(8)}"}`);
    else if (what < 0.8) login(dice, at, say);
    else if (what < 0.83) say(at, 'GET', `/account/orders/${dice.below(90_000)}`, dice.chance(0.9) ? 200 : 403);
    else if (what < 0.86) say(at, 'GET', dice.of(['/favicon.ico', '/apple-touch-icon.png', '/.well-known/change-password', '/.well-known/apple-app-site-association', '/robots.txt']), dice.chance(0.5) ? 404 : 200);
    else if (what < 0.9) say(at, 'GET', `/products/${dice.below(3000)}/old-name`, dice.chance(0.5) ? 404 : 301);
    else say(at, 'GET', '/', 200);
    for (let i = dice.below(4); i > 0; i--) say(at + 0.1 * i, 'GET', `/assets/${dice.of(['app', 'vendor', 'theme'])}.${dice.of(['3f2a91bc', '77aa01ee'])}.${dice.of(['js', 'css'])}`, dice.chance(0.4) ? 304 : 200);
  }
  return events;
}

/** One in six mistypes; some of them have forgotten it, and try all that they know. */
function login(dice: Dice, at: number, say: (at: number, method: string, target: string, status: number, body: string) => void): void {
  const body = (): string => `user=${dice.word(6 + dice.below(8))}&password=${dice.word(8 + dice.below(8))}`;
  let tries = dice.chance(1 / 6) ? 1 + (dice.chance(0.2) ? 5 : 0) : 0;
  for (let i = 0; tries > 0; tries--, i++) say(at + i * 4, 'POST', '/login', 401, body());
  say(at + 30, 'POST', '/login', 302, body());
}

function encoded(text: string, dice: Dice): string {
  const all = encodeURIComponent(text);
  return dice.chance(0.5) ? all.replaceAll('%20', '+') : all;
}

/** Holds a token, renews it, asks for things that may have gone. */
function apiClient(dice: Dice, client: string, seconds: number): Event[] {
  const events: Event[] = [];
  let token = '';
  let until = -1;
  const headers = (): Headers => ({ 'User-Agent': 'orders-sync/3.2', Accept: 'application/json', Authorization: `Bearer ${token}` });
  const say = (at: number, method: string, target: string, status: number, body = ''): void => {
    events.push({ at, client, endpoint: 2, request: request(method, target, headers(), body), response: response(status, { 'Content-Type': 'application/json' }) });
  };
  for (let at = dice.wait(0.3); at < seconds; at += dice.wait(0.3)) {
    if (at > until) {
      if (token !== '') say(at, 'GET', '/v1/orders', 401);
      token = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeW5jIn0.${dice.hex(86)}`;
      until = at + 600;
      say(at + 0.1, 'POST', '/oauth/token', 200, 'grant_type=client_credentials');
    }
    const what = dice.next();
    if (what < 0.4) say(at + 0.2, 'GET', `/v1/orders?since=2026-11-25T${10 + dice.below(10)}:00:00Z&limit=100&cursor=${dice.hex(24)}`, 200);
    else if (what < 0.7) say(at + 0.2, 'GET', `/v1/orders/${dice.hex(8)}-${dice.hex(4)}-4${dice.hex(3)}-a${dice.hex(3)}-${dice.hex(12)}`, dice.chance(0.85) ? 200 : 404);
    else if (what < 0.8) say(at + 0.2, 'GET', `/v1/items?filter=${encodeURIComponent('price>10 and stock>=1')}&fields=id,name,price`, 200);
    else if (what < 0.9) say(at + 0.2, 'PUT', `/v1/items/${dice.below(5000)}`, dice.of([200, 200, 409, 422]), `{"stock":${dice.below(100)}}`);
    else say(at + 0.2, 'POST', '/v1/graphql', 200, '{"query":"{ items { id } }"}');
  }
  return events;
}

/** @param isBroken never gets a new token, and asks on and on with the old one */
function mobileApp(dice: Dice, client: string, seconds: number, isBroken: boolean): Event[] {
  const events: Event[] = [];
  const credential = `Bearer ${dice.hex(64)}`;
  const headers = { 'User-Agent': 'Shop/5.1 (iOS 17.5)', Authorization: credential };
  const rate = isBroken ? 0.4 : 0.05;
  for (let at = dice.wait(rate); at < seconds; at += dice.wait(rate)) {
    const target = dice.of(['/v1/me', '/v1/cart', '/v1/notifications?unread=true', `/v1/orders/${dice.below(40)}`, '/v1/recommendations']);
    events.push({ at, client, endpoint: 2, request: request('GET', target, headers), response: response(isBroken ? 401 : 200) });
    if (!isBroken) continue;
    const body = 'grant_type=refresh_token&refresh_token=0123456789abcdef0123456789abcdef';
    events.push({ at: at + 0.1, client, endpoint: 2, request: request('POST', '/oauth/token', { 'User-Agent': 'Shop/5.1 (iOS 17.5)' }, body), response: response(400) });
  }
  return events;
}

/** Thousands of different paths, one a second, as robots.txt allows; one in twenty has gone. */
function crawler(dice: Dice, client: string, seconds: number): Event[] {
  const headers = { 'User-Agent': 'Mozilla/5.0 (compatible; Searchbot/2.1; +http://search.example/bot.html)', From: 'bot(at)search.example' };
  const events: Event[] = [];
  for (let at = 1; at < seconds; at += 1 + dice.next()) {
    const target = dice.of([`/products/${dice.below(3000)}`, `/blog/${dice.word(6)}-${dice.word(5)}-${dice.word(7)}`, `/category/lamps?page=${dice.below(200)}`, `/users/${dice.word(8)}`]);
    events.push({ at, client, endpoint: 1, request: request('GET', target, headers), response: response(dice.chance(0.06) ? 404 : 200) });
  }
  return events;
}

/** Every quarter of an hour tests run against the interface: thirty requests a second, a third of them to see them refused. */
function continuousIntegration(dice: Dice, client: string, seconds: number): Event[] {
  const events: Event[] = [];
  for (let start = 400; start < seconds; start += 900) {
    for (let i = 0; i < 400; i++) {
      const at = start + i / 30;
      const isRefused = dice.chance(0.33);
      const target = `/v1/${dice.of(['orders', 'items', 'carts'])}/${isRefused ? `missing-${i}` : dice.below(500)}`;
      const headers = { 'User-Agent': 'node', Authorization: `Bearer ${isRefused && dice.chance(0.2) ? `wrong-${i % 7}` : 'test-token-of-the-pipeline'}` };
      events.push({ at, client, endpoint: 2, request: request('GET', target, headers), response: response(isRefused ? dice.of([400, 401, 404, 404, 422]) : 200) });
      if (i % 80 === 0) events.push({ at, client, endpoint: 2, request: request('POST', '/login', headers, '{"user":"test","password":"wrong"}'), response: response(401) });
    }
  }
  return events;
}

/** Asks for what may be there by its digest, and stores what is not: half of its answers are 404. */
function buildCache(dice: Dice, client: string, seconds: number): Event[] {
  const events: Event[] = [];
  for (let start = 300; start < seconds; start += 1200) {
    for (let i = 0; i < 150; i++) {
      const at = start + i * 0.2;
      const target = `/cache/cas/${dice.hex(64)}`;
      const isThere = dice.chance(start === 300 ? 0 : 0.7);
      const headers = { 'User-Agent': 'build/7.2' };
      events.push({ at, client, endpoint: 2, request: request('GET', target, headers), response: response(isThere ? 200 : 404) });
      if (!isThere) events.push({ at: at + 0.1, client, endpoint: 2, request: request('PUT', target, headers, 'x'), response: response(201) });
    }
  }
  return events;
}

function probe(client: string, seconds: number): Event[] {
  return [1, 2].flatMap((endpoint) =>
    Array.from({ length: Math.floor(seconds / 5) }, (_, i) => ({ at: i * 5, client, endpoint, request: request('GET', '/healthz', { 'User-Agent': 'kube-probe/1.31' }), response: response(200) })),
  );
}

/** A minute in which everything is 503: everybody tries again, three times, sooner than they should. */
function outage(dice: Dice, start: number): Event[] {
  return Array.from({ length: 1500 }, (): Event[] => {
    const at = start + dice.next() * 60;
    const client = `203.0.113.${1 + dice.below(60)}`;
    const target = `/products/${dice.below(3000)}`;
    return [0, 1, 3].map((later) => ({ at: at + later, client, endpoint: 1, request: request('GET', target), response: response(503, { 'Retry-After': '5' }) }));
  }).flat();
}

/** Within ten minutes four times as many come, each by a link of their own from a mail, and after half an hour they have gone. */
function newsletter(dice: Dice, start: number, end: number): Event[] {
  const events: Event[] = [];
  for (let at = start; at < end; at += dice.wait(1 + 50 * Math.min(1, (at - start) / 600))) {
    const client = `198.51.${dice.below(100)}.${dice.below(250)}`;
    events.push({ at, client, endpoint: 1, request: request('GET', `/offers/spring?mc_cid=${dice.hex(10)}&mc_eid=${dice.hex(10)}`, { 'User-Agent': dice.of(AGENTS) }), response: response(200) });
  }
  return events;
}

/** What is harmless and looks as if it were not: what is found here is counted as false. */
function oddities(dice: Dice, seconds: number): Event[] {
  const at = (): number => 400 + dice.next() * (seconds - 400);
  const web = (client: string, text: string, status = 200, alone = false): Event => ({ at: at(), client, endpoint: 1, request: text, response: response(status), alone });
  return [
    // Somebody who learns about security looks for books.
    ...['union select explained', '<script> tag tutorial', '/etc/passwd format'].map((text) => web('203.0.113.201', request('GET', `/search?q=${encodeURIComponent(text)}`))),
    // Links of mails that confirm an address, and one that ends a subscription.
    ...times(10, (i) => [web(`203.0.113.${210 + (i % 3)}`, request('GET', `/confirm?token=${dice.hex(32)}`), 302)]).flat(),
    // Finder asks whether it is WebDAV.
    web('203.0.113.220', request('PROPFIND', '/', { Depth: '0', 'User-Agent': 'WebDAVFS/3.0.0' }), 405, true),
    // A thermostat of 2009 folds its header.
    ...times(20, () => [web('203.0.113.230', 'GET /firmware HTTP/1.1\r\nHost: shop.example.com\r\nX-Model: T100\r\n rev 2\r\n\r\n', 200, true)]).flat(),
    // Single sign-on has left too many cookies.
    ...times(5, () => [web('203.0.113.240', request('GET', '/', { Cookie: `sso=${'a'.repeat(17_000)}` }), 200)]).flat(),
    // Sloppy links, still within the site.
    ...times(20, (i) => [web(`203.0.113.${1 + i}`, request('GET', '/assets/css/../img/logo.png'))]).flat(),
    // Web servers that show several sites, and a caller who knows all of them.
    ...times(20, (i) => [web('203.0.113.241', request('GET', '/', { Host: `site-${i}.example.com` }), 200)]).flat(),
    // Sign-in of third parties comes back with a code, downloads have signed addresses.
    ...times(10, (i) => [web(`203.0.113.${1 + i}`, request('GET', `/callback?code=${dice.hex(40)}&state=${dice.hex(20)}`), 302)]).flat(),
    ...times(10, (i) => [web(`203.0.113.${1 + i}`, request('GET', `/files/a.pdf?X-Amz-Credential=AKIAABCDEFGHIJKLMNOP%2F20261125%2Feu&X-Amz-Signature=${dice.hex(64)}`))]).flat(),
    // What is not for attackers alone: addresses in parameters, base64, JSON and templates.
    ...times(10, (i) => [web(`203.0.113.${1 + i}`, request('GET', `/go?url=${encodeURIComponent('https://partner.example/landing?id=1&next=../home')}`), 302)]).flat(),
    ...times(10, (i) => [web(`203.0.113.${1 + i}`, request('GET', `/api/list?where=${encodeURIComponent('{"price":{"$lt":50},"tags":["a","b"]}')}&d=${encodeURIComponent('aGVsbG8gd29ybGQ+/w==')}`))]).flat(),
    ...times(10, (i) => [web(`203.0.113.${1 + i}`, request('GET', `/preview?t=${encodeURIComponent('Hello {{name}}, your order #{id} costs ${total}')}`))]).flat(),
  ];
}

/** What happens to people who run services, and looks like an attack by its numbers: what is found here is false, too. */
function incidents(dice: Dice, seconds: number): Event[] {
  const start = (share: number): number => 600 + share * (seconds - 900);
  const at = (share: number, count: number, perSecond: number, make: (index: number) => Omit<Event, 'at'>): Event[] => times(count, (i) => ({ at: start(share) + i / perSecond, ...make(i) }));
  const api = (client: string, text: string, status: number): Omit<Event, 'at'> => ({ client, endpoint: 2, request: text, response: response(status) });
  const web = (client: string, text: string, status: number): Omit<Event, 'at'> => ({ client, endpoint: 1, request: text, response: response(status) });
  return [
    // After a relaunch: a robot still knows the old addresses.
    ...at(0.1, 200, 0.5, () => web('66.249.66.9', request('GET', `/old-shop/${dice.word(7)}.html`, { 'User-Agent': 'Searchbot/2.1' }), dice.chance(0.9) ? 404 : 301)),
    // A cache that is new and that this client may only read.
    ...at(0.2, 150, 5, () => api('10.3.0.3', request('GET', `/cache/cas/${dice.hex(64)}`, { 'User-Agent': 'build/7.2' }), 404)),
    // A television spot: within seconds twelve times as many people come.
    ...at(0.3, 15_000, 250, (i) => web(`100.64.${i % 200}.${(i * 7) % 250}`, request('GET', '/offers/tv', { 'User-Agent': dice.of(AGENTS) }), 200)),
    // Our own people's load test.
    ...at(0.4, 6_000, 150, (i) => api('10.3.0.9', request('GET', `/v1/items/${i % 500}`, { 'User-Agent': 'k6/0.53' }), 200)),
    // A feature that one customer alone uses has a bug.
    ...at(0.5, 40, 0.5, (i) => api('198.51.100.77', request('GET', `/v1/exports/${i}?format=xlsx`, { Authorization: 'Bearer one-customer' }), i % 2 === 0 ? 500 : 200)),
    // New keys sign tokens: for a minute everybody behind a gateway is refused, and comes back with a new one.
    ...at(0.55, 120, 2, (i) => api('10.4.0.1', request('GET', '/v1/me', { Authorization: `Bearer ${i % 2 === 0 ? 'old' : 'new'}-${dice.hex(40)}` }), i % 2 === 0 ? 401 : 200)),
    // The directory of users is away: for some minutes nobody behind the office's address gets in.
    ...at(0.7, 40, 0.2, () => web('192.0.2.77', request('POST', '/login', {}, `user=${dice.word(4 + dice.below(9))}&password=${dice.word(9)}`), 401)),
    // A page with a gallery whose pictures were deleted, opened by one visitor.
    ...at(0.75, 24, 8, (i) => web('203.0.113.8', request('GET', `/media/${dice.hex(12)}.jpg`, { 'User-Agent': AGENTS[0]!, Cookie: 'session=1' }), i === 0 ? 200 : 404)),
  ];
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}
