import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { TlsOptions } from '../../src/mirror/http-client.ts';
import { UndiciClient } from '../../src/mirror/undici-client.ts';
import { AGENT_CERT, AGENT_KEY, CA, MIRROR_NAME, tlsServer } from '../support/tls/tls.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Mirror {
  readonly origin: string;
  /** Name that each connection was asked for; false where it was none. */
  readonly names: (string | false)[];
  readonly hosts: (string | undefined)[];
}

async function mirror(asksForCertificate = false): Promise<Mirror> {
  const names: (string | false)[] = [];
  const hosts: (string | undefined)[] = [];
  const server = tlsServer((request, response) => {
    hosts.push(request.headers.host);
    response.end('ok');
  }, asksForCertificate);
  server.on('secureConnection', (socket: TLSSocket) => names.push((socket as TLSSocket & { servername: string | false }).servername));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, names, hosts };
}

function open({ origin }: Mirror, tls: TlsOptions): UndiciClient {
  const client = new UndiciClient(origin, tls);
  cleanups.push(() => void client.destroy());
  return client;
}

function fetchOne(client: UndiciClient, host = 'shop.example'): Promise<number | string> {
  return new Promise((resolve) => {
    let status = 0;
    client.send(
      { method: 'GET', path: '/', headers: ['Host', host], body: null },
      { keeper: null, onAnswer: (value) => (status = value), onEnd: () => resolve(status), onFailure: (reason) => resolve(reason) },
    );
  });
}

describe('a mirror behind TLS', () => {
  it('is trusted by its authority and its name', async () => {
    const server = await mirror();
    expect(await fetchOne(open(server, { ca: CA, serverName: MIRROR_NAME }))).toBe(200);
    expect(server.names).toEqual([MIRROR_NAME]);
  });

  it.each<[string, TlsOptions]>([
    ['an unknown authority', { serverName: MIRROR_NAME }],
    ['another name', { ca: CA, serverName: 'other.example' }],
    ['the name of its address, which the certificate does not bear', { ca: CA }],
  ])('is refused with %s, as a failure to connect', async (_what, tls) => {
    const server = await mirror();
    const client = open(server, tls);
    expect([await fetchOne(client), await fetchOne(client)]).toEqual(['connect', 'connect']);
    expect(server.hosts).toEqual([]);
  });

  it('is not looked at where that is said', async () => {
    expect(await fetchOne(open(await mirror(), { insecureSkipVerify: true }))).toBe(200);
  });

  it('sees our certificate if it asks for one', async () => {
    const server = await mirror(true);
    const trust = { ca: CA, serverName: MIRROR_NAME };
    expect(await fetchOne(open(server, { ...trust, cert: AGENT_CERT, key: AGENT_KEY }))).toBe(200);
    expect(await fetchOne(open(server, trust))).toMatch(/^(connect|reset)$/);
    expect(server.hosts).toHaveLength(1);
  });

  it('gets copies with every Host on one connection, asked for by its own name', async () => {
    const server = await mirror();
    const client = open(server, { ca: CA, serverName: MIRROR_NAME });
    for (const host of ['a.example', 'b.example:8443', '10.0.0.1']) expect(await fetchOne(client, host)).toBe(200);
    expect(server.hosts).toEqual(['a.example', 'b.example:8443', '10.0.0.1']);
    expect(server.names).toEqual([MIRROR_NAME]);
  });
});
