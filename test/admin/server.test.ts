import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminServer } from '../../src/admin/server.ts';

let admin: AdminServer;
let port = 0;
beforeEach(async () => {
  admin = new AdminServer({
    '/ok': () => ({ status: 200, contentType: 'text/plain', body: 'fine\n' }),
    '/broken': () => {
      throw new Error('no figures');
    },
  });
  port = await admin.listen('127.0.0.1', 0);
});
afterEach(() => admin.close());

/** The request target goes out as it is. */
async function get(path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method }, async (response) => {
      resolve({ status: response.statusCode!, body: await text(response) });
    });
    outgoing.on('error', reject).end();
  });
}

describe('the admin port', () => {
  it('serves its pages, with or without a query', async () => {
    expect(await get('/ok')).toEqual({ status: 200, body: 'fine\n' });
    expect(await get('/ok?x=1')).toEqual({ status: 200, body: 'fine\n' });
  });

  it('says which pages there are, refuses other methods, and survives a page that fails', async () => {
    expect(await get('/none')).toEqual({ status: 404, body: 'no such page; there are /ok, /broken\n' });
    expect((await get('/ok', 'POST')).status).toBe(405);
    expect(await get('/broken')).toEqual({ status: 500, body: 'no figures\n' });
    expect((await get('/constructor')).status).toBe(404);
  });

  it.each(['//', '///', '\\\\', 'http://[', '*', '/%', '//ok'])('survives the target %s', async (target) => {
    const socket = connect(port, '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 40\d /);
    expect((await get('/ok')).status).toBe(200);
  });

  it('takes no path for one that begins alike', async () => {
    const other = new AdminServer({ '/some/*': ({ path }) => ({ status: 200, contentType: 'text/plain', body: path }) });
    port = await other.listen('127.0.0.1', 0);
    expect((await get('/some/thing')).body).toBe('/some/thing');
    expect((await get('/some')).status).toBe(404);
    expect((await get('/somex')).status).toBe(404);
    await other.close();
  });

  describe('when somebody asks for more than he takes', () => {
    let made = 0;
    let now = (): void => {};
    beforeEach(async () => {
      made = 0;
      const { promise: later, resolve } = Promise.withResolvers<void>();
      now = resolve;
      await admin.close();
      admin = new AdminServer({
        '/large': async () => {
          made += 1;
          await later;
          return { status: 200, contentType: 'text/plain', body: 'x'.repeat(1 << 20) };
        },
        '/healthz': () => ({ status: 200, contentType: 'text/plain', body: 'ok\n' }),
      });
      port = await admin.listen('127.0.0.1', 0);
    });
    const ASK = 'GET /large HTTP/1.1\r\nHost: x\r\n\r\n';

    it('on one connection, the first question is answered', async () => {
      const socket = connect(port, '127.0.0.1');
      socket.write(ASK.repeat(500));
      await expect.poll(() => made).toBe(1);
      now();
      const answers = await text(socket);
      expect(answers).toContain('x'.repeat(1 << 20));
      expect(answers).toContain('HTTP/1.1 503');
      expect(made).toBe(1);
    });

    it('on many, forty are, and probes', async () => {
      const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1').pause());
      for (const socket of sockets) socket.write(ASK);
      await expect.poll(() => made).toBe(40);
      expect((await get('/large')).status).toBe(503);
      expect(await get('/healthz')).toEqual({ status: 200, body: 'ok\n' });
      for (const socket of sockets) socket.destroy();
      now();
      await expect.poll(async () => (await get('/large')).status).toBe(200);
    });
  });

  it('says what to do when its port is taken', async () => {
    await expect(new AdminServer({}).listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'LISTEN', message: expect.stringContaining('--admin') });
  });
});
