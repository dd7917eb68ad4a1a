import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Question } from '../../src/compare/answer.ts';
import type { Difference } from '../../src/compare/difference.ts';
import { outcomeSlot } from '../../src/ledger/outcomes.ts';
import { Redactor } from '../../src/mirror/redact.ts';
import { BATCH_MS, LiveFeed, type LiveTarget } from '../../src/worker/live-feed.ts';
import type { LiveExchange, LiveFilter } from '../../src/worker/live-exchange.ts';
import type { NoisyEndpoint, WatchedExchanges } from '../../src/worker/messages.ts';

const ALL: LiveFilter = { policy: '', template: '', method: '', statusClass: 0, onlyDifferent: false, text: '' };
const TARGET: LiveTarget = { policy: 'shop/next', target: 'http://next', examples: true, redactor: null };
const OK = outcomeSlot('mirrored', '2xx');
const PRICE: Difference = { where: 'body /price', kind: 'field', production: '17', mirror: '18' };
const AT: Difference = { where: 'body /at', kind: 'field', production: 'time', mirror: 'time' };

function question(fields: Partial<Question> = {}): Question {
  return { method: 'GET', target: '/orders/42', template: '/orders/{id}', key: '', grpc: false, ...fields };
}

function answer(fields: Partial<Answer> = {}): Answer {
  return { status: 200, headers: [], trailers: [], body: null, firstByteUs: 900, completeUs: 1_000, ...fields };
}

let sent: WatchedExchanges[] = [];
let feed: LiveFeed;
beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  feed = newFeed();
});
afterEach(() => {
  feed.watch([], []);
  vi.useRealTimers();
});

function newFeed(options: { bodies?: boolean; workers?: number } = {}): LiveFeed {
  return new LiveFeed({ bodies: false, workers: 1, ...options, send: (batches) => sent.push(...batches) });
}

function watch(filter: Partial<LiveFilter> = {}, noise: readonly NoisyEndpoint[] = [], id = 1): void {
  feed.watch([{ id, filter: { ...ALL, ...filter } }], noise);
}

/** What the watcher was sent of one exchange. */
function shown(target: LiveTarget, asked: Question, production: Answer | null, mirror: Answer | null, found: Parameters<LiveFeed['saw']>[3] = [], slot = OK): LiveExchange | null {
  feed.saw(target, asked, { production, mirror }, found, slot);
  vi.advanceTimersByTime(BATCH_MS);
  return sent.at(-1)?.batch.items.at(-1) ?? null;
}

describe('a live feed', () => {
  it('shows both answers, how they differ and how the copy ended', () => {
    watch();
    const exchange = shown(TARGET, question(), answer(), answer({ status: 500, completeUs: 2_000 }), [PRICE], outcomeSlot('mirrored', '5xx'));
    expect(exchange).toMatchObject({
      policy: 'shop/next',
      target: 'http://next',
      method: 'GET',
      path: '/orders/42',
      template: '/orders/{id}',
      verdict: 'different',
      outcome: 'mirrored 5xx',
      differences: [PRICE],
      production: { status: 200, completeUs: 1_000 },
      mirror: { status: 500, completeUs: 2_000 },
    });
  });

  it('says why two answers were not compared', () => {
    watch();
    expect(shown(TARGET, question(), answer(), null, 'failed', outcomeSlot('failed', 'timeout'))).toMatchObject({ verdict: 'failed', outcome: 'failed timeout', differences: [], mirror: null });
    expect(shown(TARGET, question(), null, null, 'sampled-out', -1)).toMatchObject({ verdict: 'sampled-out', outcome: '' });
  });

  it('tells noise from differences by what the report takes for noise', () => {
    const noise = [{ policy: 'shop/next', target: 'http://next', method: 'GET', template: '/orders/{id}', places: ['field body /at'] }];
    watch({}, noise);
    expect(shown(TARGET, question(), answer(), answer(), [AT])?.verdict).toBe('noise');
    expect(shown(TARGET, question(), answer(), answer(), [AT, PRICE])?.verdict).toBe('different');
    expect(shown(TARGET, question({ template: '/other' }), answer(), answer(), [AT])?.verdict).toBe('different');
    watch({ onlyDifferent: true }, noise, 2);
    expect(shown(TARGET, question(), answer(), answer(), [AT])).toBeNull();
    expect(shown(TARGET, question(), answer(), answer(), [PRICE])?.verdict).toBe('different');
  });

  it.each<[string, Partial<LiveFilter>, boolean]>([
    ['policy', { policy: 'shop/next' }, true],
    ['another policy', { policy: 'shop/other' }, false],
    ['endpoint', { template: '/orders/{id}' }, true],
    ['another endpoint', { template: '/orders' }, false],
    ['method', { method: 'GET' }, true],
    ['another method', { method: 'POST' }, false],
    ["production's status", { statusClass: 2 }, true],
    ["the mirror's status", { statusClass: 4 }, true],
    ['another status', { statusClass: 5 }, false],
    ['difference', { onlyDifferent: true }, false],
    ['text in the path', { text: 'orders/4' }, true],
    ['text in its query, which may be secret', { text: 'hunter' }, false],
  ])('filters by %s', (_, filter, fits) => {
    watch(filter);
    const exchange = shown(TARGET, question({ target: '/Orders/42?password=hunter2' }), answer(), answer({ status: 404 }));
    expect(exchange !== null).toBe(fits);
    expect(sent.at(-1)?.batch).toMatchObject({ matched: fits ? 1 : 0, left: 0 });
  });

  it('shows fifty a second at most, evenly, and counts the others', () => {
    feed = newFeed({ workers: 2 });
    watch();
    for (let tick = 0; tick < 40; tick++) {
      for (let i = 0; i < 250; i++) feed.saw(TARGET, question(), { production: answer(), mirror: answer() }, [], OK);
      vi.advanceTimersByTime(25);
    }
    const batches = sent.map(({ batch }) => batch);
    expect(batches).toHaveLength(4);
    const shownAll = batches.reduce((sum, { items }) => sum + items.length, 0);
    expect(shownAll).toBeGreaterThanOrEqual(24);
    expect(shownAll).toBeLessThanOrEqual(26);
    expect(batches.reduce((sum, { matched }) => sum + matched, 0)).toBe(10_000);
    expect(batches.reduce((sum, { left }) => sum + left, 0)).toBe(10_000 - shownAll);
  });

  it('gives each watcher what he wants, and makes it once for all of them', () => {
    feed.watch([{ id: 1, filter: ALL }, { id: 2, filter: { ...ALL, method: 'POST' } }, { id: 3, filter: ALL }], []);
    feed.saw(TARGET, question(), { production: answer(), mirror: answer() }, [], OK);
    vi.advanceTimersByTime(BATCH_MS);
    expect(sent.map(({ id, batch }) => [id, batch.items.length])).toEqual([[1, 1], [2, 0], [3, 1]]);
    expect(sent[0]!.batch.items[0]).toBe(sent[2]!.batch.items[0]);
  });

  it('rests when nobody watches', () => {
    watch();
    expect(feed.isWatched).toBe(true);
    feed.watch([], []);
    expect(feed.isWatched).toBe(false);
    vi.advanceTimersByTime(5_000);
    expect(sent).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what is secret', () => {
  const redact = { headers: ['x-user'], cookies: ['sid'], queryParams: ['email'], jsonFields: ['/card', '/items/*/pin'], mode: 'Remove' as const };
  const secret: LiveTarget = { ...TARGET, redactor: new Redactor(redact, '') };
  const json = (value: unknown, headers: readonly string[] = []): Answer => answer({ headers: ['Content-Type', 'application/json', ...headers], body: Buffer.from(JSON.stringify(value)) });

  it('is taken out of heads and paths: what the policy names, credentials, and what looks like one', () => {
    watch();
    const headers = ['X-User', 'ann', 'Set-Cookie', 'sid=abc123; Path=/; HttpOnly', 'Authorization', 'Basic dTpw', 'X-Api-Key', 'k-1', 'X-Note', 'Bearer abcdefghijk', 'X-Plain', 'yes'];
    const exchange = shown(secret, question({ target: '/orders/42?email=ann@example.com&token=t0ps3cr3t&page=2' }), answer({ headers, trailers: ['x-user', 'ann'] }), answer());
    expect(exchange!.path).toBe('/orders/42?token=(hidden)&page=2');
    expect(exchange!.production!.headers).toEqual(['X-User', '(redacted)', 'Set-Cookie', 'sid=(hidden); Path=/; HttpOnly', 'Authorization', '(hidden)', 'X-Api-Key', '(hidden)', 'X-Note', 'Bearer (hidden)', 'X-Plain', 'yes']);
    expect(exchange!.production!.trailers).toEqual(['x-user', '(redacted)']);
    expect(JSON.stringify(sent)).not.toMatch(/ann|abc123|dTpw|k-1|t0ps|abcdefgh/);
  });

  it('is all of the content where the agent does not allow it', () => {
    watch();
    expect(shown(TARGET, question(), json({ a: 1 }), json({ a: 1 }))!.production).toMatchObject({ body: null, bodyBytes: 7 });
  });

  it('is every value where the policy wants no examples', () => {
    feed = newFeed({ bodies: true });
    watch();
    const { production } = shown({ ...TARGET, examples: false }, question(), json({ a: 1 }), json({ a: 1 }))!;
    expect(production).toMatchObject({ body: null, headers: ['Content-Type', '(hidden)'] });
  });

  it('is taken out of content that is shown, encoded or not', () => {
    feed = newFeed({ bodies: true });
    watch();
    const content = { card: '4111 1111', items: [{ pin: 1234, name: 'a' }], total: 1 };
    const plain = json(content);
    const packed = answer({ headers: [...plain.headers, 'Content-Encoding', 'gzip'], body: gzipSync(plain.body!) });
    const exchange = shown(secret, question(), plain, packed)!;
    expect(exchange.production!.body).toEqual({ text: '{"items":[{"name":"a"}],"total":1}', note: '' });
    expect(exchange.mirror!.body).toEqual(exchange.production!.body);
  });

  it.each<[string, Partial<Answer>, string]>([
    ['too large', { body: Buffer.alloc(16 * 1024 + 1, 'a') }, 'larger than 16 KiB'],
    ['too large once it is decoded', { headers: ['content-encoding', 'gzip'], body: gzipSync(Buffer.alloc(1 << 20)) }, 'its encoding cannot be undone, or it is larger than 16 KiB then'],
    ['in no encoding that is known', { headers: ['content-encoding', 'x-own'], body: Buffer.from('abc') }, 'its encoding cannot be undone, or it is larger than 16 KiB then'],
    ['no JSON though it says so', { headers: ['content-type', 'application/json'], body: Buffer.from('{"card": 4111') }, 'it cannot be searched for what the policy redacts'],
    ['no text', { body: Buffer.from([0xff, 0xfe, 0x00, 0xc3]) }, 'it cannot be searched for what the policy redacts'],
    ['no text that begins plainly', { body: Buffer.from([0x61, 0xff]) }, 'no text'],
  ])('may be in content that is %s: it is left out, and why is said', (_, fields, note) => {
    feed = newFeed({ bodies: true });
    watch();
    expect(shown(secret, question(), answer(fields), answer())!.production!.body).toEqual({ text: '', note });
  });

  it('cannot hide in what is long or unprintable: all of it is bounded', () => {
    feed = newFeed({ bodies: true });
    watch();
    const headers = Array.from({ length: 500 }, (_, i) => [`x-${i}-${'n'.repeat(500)}`, `\u0007\u202e${'v'.repeat(10_000)}`]).flat();
    const exchange = shown(TARGET, question({ target: `/${'p'.repeat(100_000)}` }), answer({ headers, body: Buffer.from('a\u0000\n\u202eb') }), answer())!;
    expect(JSON.stringify(exchange).length).toBeLessThan(64 * 700);
    expect(exchange.production!.headers.at(-1)).toBe('436 fields are left out');
    expect(exchange.production!.body!.text).toBe('a\ufffd\n\ufffdb');
    expect(JSON.stringify(exchange)).not.toMatch(/[\u202e\u0007]/);
  });
});
