import { request, type OutgoingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { Gate } from '../../src/admin/gate.ts';
import { AdminServer, type AdminRoutes } from '../../src/admin/server.ts';

const TOKEN = 'a-token-of-some-length';

const ROUTES: AdminRoutes = {
  '/who': ({ trusted }) => ({ status: 200, contentType: 'text/plain', body: trusted ? 'trusted' : 'stranger' }),
  '/events': () => ({ listen: (listener) => void listener.send('hello', '{}') }),
};

const servers: AdminServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Scene {
  readonly port: number;
  ask(path: string, headers?: OutgoingHttpHeaders, options?: { method?: string; body?: string }): Promise<Answer>;
  who(headers?: OutgoingHttpHeaders): Promise<string>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

async function listening(gate?: Gate, host = '127.0.0.1'): Promise<Scene> {
  const server = new AdminServer(ROUTES, gate);
  servers.push(server);
  const port = await server.listen(host, 0);
  const ask: Scene['ask'] = (path, headers = {}, { method = 'GET', body = '' } = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
        resolve({ status: response.statusCode!, body: await text(response), headers: response.headers });
      });
      outgoing.on('error', reject).end(body);
    });
  return { port, ask, who: async (headers) => (await ask('/who', headers)).body };
}

describe('without a token', () => {
  it('trusts who is on this machine', async () => {
    const { who, port } = await listening();
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) expect(await who({ host })).toBe('trusted');
    expect(await who({ 'sec-fetch-site': 'same-origin' })).toBe('trusted');
    expect(await who({ 'sec-fetch-site': 'none' })).toBe('trusted');
  });

  it('does not trust a name that somebody else has pointed at this machine, or another port', async () => {
    const { who, port } = await listening();
    for (const host of [`evil.example:${port}`, 'localhost', `localhost:${port + 1}`, `localhost.evil.example:${port}`, `127.0.0.1.evil.example:${port}`]) {
      expect(await who({ host })).toBe('stranger');
    }
  });

  it('does not trust what another site makes the browser ask', async () => {
    const { who } = await listening();
    expect(await who({ 'sec-fetch-site': 'cross-site' })).toBe('stranger');
    expect(await who({ 'sec-fetch-site': 'same-site' })).toBe('stranger');
  });

  it.each(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])('does not trust who comes through a proxy, which says %s', async (name) => {
    const { who } = await listening();
    expect(await who({ [name]: '127.0.0.1' })).toBe('stranger');
  });

  it('trusts nobody where the port listens on all addresses', async () => {
    const { who } = await listening(undefined, '0.0.0.0');
    expect(await who()).toBe('stranger');
    const six = await listening(undefined, '::');
    expect(await six.who()).toBe('stranger');
  });

  it('takes no tokens and no logins', async () => {
    const { who, ask, port } = await listening();
    expect(await who({ host: 'evil.example', authorization: 'Bearer ' })).toBe('stranger');
    expect((await ask('/login', { 'content-type': 'application/x-www-form-urlencoded' }, { method: 'POST', body: 'token=' })).status).toBe(405);
    expect(port).toBeGreaterThan(0);
  });
});

describe('with a token', () => {
  it('trusts who has it, by whatever name he asks, and nobody else', async () => {
    const { who } = await listening(new Gate(TOKEN), '0.0.0.0');
    const host = 'node-7.example:9464';
    expect(await who({ host, authorization: `Bearer ${TOKEN}` })).toBe('trusted');
    expect(await who({ host, 'x-shadowtap-token': TOKEN })).toBe('trusted');
    expect(await who({ host })).toBe('stranger');
  });

  it('does not trust this machine by itself', async () => {
    const { who } = await listening(new Gate(TOKEN));
    expect(await who()).toBe('stranger');
  });

  it.each(['', 'x', `${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase()])('does not take "%s" for it', async (wrong) => {
    const { who } = await listening(new Gate(TOKEN));
    expect(await who({ 'x-shadowtap-token': wrong })).toBe('stranger');
    expect(await who({ authorization: `Basic ${TOKEN}` })).toBe('stranger');
  });

  it('gives a cookie for it, which scripts and other sites do not get, and which does not tell the token', async () => {
    const { ask, who } = await listening(new Gate(TOKEN));
    const { status, headers } = await login(ask, TOKEN);
    expect(status).toBe(303);
    expect(headers['location']).toBe('./');
    const [cookie = ''] = headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^shadowtap_session=[\w.-]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKEN);
    const session = cookie.split(';')[0]!;
    expect(await who({ cookie: `other=1; ${session}` })).toBe('trusted');
    expect(await who({ cookie: session, 'sec-fetch-site': 'same-site' })).toBe('stranger');
    const [until, signature] = session.split('=')[1]!.split('.');
    for (const forged of [`${Number(until) + 1}.${signature}`, `${until}.`, `${until}`, `${until}.x${signature}`, `1e99.${signature}`, '.']) {
      expect(await who({ cookie: `shadowtap_session=${forged}` })).toBe('stranger');
    }
  });

  it('ends a session after twelve hours, and with the token', async () => {
    let nowMs = 1_000_000;
    const gate = new Gate(TOKEN, () => nowMs);
    const cookie = gate.sessionCookie().split(';')[0]!;
    const { who } = await listening(gate);
    const other = await listening(new Gate('another-token-of-length', () => nowMs));
    nowMs += 12 * 3_600_000 - 1;
    expect(await who({ cookie })).toBe('trusted');
    expect(await other.who({ cookie })).toBe('stranger');
    nowMs += 1;
    expect(await who({ cookie })).toBe('stranger');
  });

  it('keeps a session over a restart', async () => {
    const cookie = new Gate(TOKEN).sessionCookie().split(';')[0]!;
    const { who } = await listening(new Gate(TOKEN));
    expect(await who({ cookie })).toBe('trusted');
  });

  it('looks at no token for a minute after ten wrong ones, not even at the right one', async () => {
    let nowMs = 0;
    const { who, ask } = await listening(new Gate(TOKEN, () => nowMs));
    for (let i = 0; i < 10; i++) expect(await who({ 'x-shadowtap-token': `guess ${i}` })).toBe('stranger');
    expect((await ask('/who', { 'x-shadowtap-token': TOKEN })).status).toBe(429);
    expect((await login(ask, TOKEN)).status).toBe(429);
    expect((await ask('/who')).status).toBe(200);
    nowMs += 60_000;
    expect(await who({ 'x-shadowtap-token': TOKEN })).toBe('trusted');
  });

  it('refuses forms that are wrong, large or none', async () => {
    const { ask } = await listening(new Gate(TOKEN));
    expect((await login(ask, 'wrong')).status).toBe(401);
    expect((await login(ask, 'x'.repeat(5000))).status).toBe(400);
    expect((await ask('/login', { 'content-type': 'application/json' }, { method: 'POST', body: `{"token":"${TOKEN}"}` })).status).toBe(400);
    expect((await ask('/login', {}, { method: 'POST' })).status).toBe(400);
  });
});

describe('every answer', () => {
  it('tells a browser to run nothing else, to keep nothing and to pass nothing on', async () => {
    const { ask } = await listening(new Gate(TOKEN));
    for (const path of ['/who', '/none']) {
      const { headers } = await ask(path);
      expect(headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types lit-html",
      );
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    }
  });
});

describe('events', () => {
  it('reach sixteen listeners, and no more', async () => {
    const { port } = await listening();
    const open = (): Promise<{ status: number; close(): void }> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, path: '/events' }, (response) => {
          response.on('error', () => {}).resume();
          resolve({ status: response.statusCode!, close: () => outgoing.destroy() });
        });
        outgoing.on('error', reject).end();
      });
    const listeners = await Promise.all(Array.from({ length: 16 }, open));
    expect(listeners.map(({ status }) => status)).toEqual(Array(16).fill(200));
    expect((await open()).status).toBe(503);
    listeners[0]!.close();
    await expect.poll(async () => (await open()).status).toBe(200);
    for (const { close } of listeners) close();
  });
});

function login(ask: Scene['ask'], token: string): Promise<Answer> {
  const body = new URLSearchParams({ token }).toString();
  return ask('/login', { 'content-type': 'application/x-www-form-urlencoded' }, { method: 'POST', body });
}
