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

  it('says what to do when its port is taken', async () => {
    await expect(new AdminServer({}).listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'LISTEN', message: expect.stringContaining('--admin') });
  });
});
