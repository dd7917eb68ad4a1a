import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Alarms } from '../../src/agent/alarms.ts';
import { lookupElsewhere, Webhook, type WebhookMessage, type WebhookOptions } from '../../src/agent/webhook.ts';
import type { Finding, Severity } from '../../src/findings/data.ts';

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly message: WebhookMessage;
}

let calls: Call[] = [];
let lines: Record<string, unknown>[] = [];
/** Statuses of the next answers; 204 after them. 0: hangs up. */
let statuses: number[] = [];
let server: Server;
let url = '';
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });

beforeEach(async () => {
  calls = [];
  lines = [];
  statuses = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const status = statuses.shift() ?? 204;
      if (status === 0) return request.socket.destroy();
      calls.push({ headers: request.headers, message: JSON.parse(body) as WebhookMessage });
      response.writeHead(status, { location: url }).end('x'.repeat(100_000));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function webhook(more: Partial<WebhookOptions> = {}): Webhook {
  return new Webhook({ url, minSeverity: 'info', headers: {}, node: 'node-a', log, hurry: 100, ...more });
}

function finding(severity: Severity = 'high', source = '10.0.0.1'): Finding {
  return { rule: 'request-smuggling', severity, endpoint: 'shop/pod', source, method: 'POST', template: '/cart', evidence: 'e', firstMs: 1, lastMs: 2, count: 3 };
}

function countersOf(of: { addCounters(into: Record<string, number>): void }): Record<string, number> {
  const into: Record<string, number> = {};
  of.addCounters(into);
  return into;
}

async function eventually(check: () => void): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    try {
      return check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(10);
    }
  }
}

describe('the webhook', () => {
  it('gets findings in batches, with the headers that it asks for', async () => {
    const hook = webhook({ headers: { authorization: 'Bearer abc' } });
    for (let i = 0; i < 100; i++) hook.offer(finding('high', `10.0.0.${i}`));
    await eventually(() => expect(countersOf(hook)['findings.webhook.sent']).toBe(100));
    expect(calls.map(({ message }) => message.findings.length)).toEqual([64, 36]);
    expect(calls[0]!.message).toMatchObject({ version: 1, node: 'node-a' });
    expect(calls[0]!.headers).toMatchObject({ authorization: 'Bearer abc', 'content-type': 'application/json' });
    await hook.stop();
  });

  it('is told of what is severe enough', async () => {
    const hook = webhook({ minSeverity: 'medium' });
    for (const severity of ['info', 'low', 'medium', 'high'] as const) hook.offer(finding(severity));
    await eventually(() => expect(calls.flatMap(({ message }) => message.findings.map(({ severity }) => severity))).toEqual(['medium', 'high']));
    await hook.stop();
  });

  it('is asked again when it fails, and says so once', async () => {
    statuses = [500, 0, 302];
    const hook = webhook();
    hook.offer(finding());
    await eventually(() => expect(countersOf(hook)['findings.webhook.sent']).toBe(1));
    // The redirect was not followed.
    expect(calls).toHaveLength(3);
    expect(lines.map(({ msg }) => msg)).toEqual(['findings could not be sent to the webhook; it is tried again']);
    await hook.stop();
  });

  it('loses what it does not take after several tries, counted, and gets what comes later', async () => {
    statuses = [500, 500, 500, 500, 500, 500];
    const hook = webhook({ hurry: 2_000 });
    hook.offer(finding());
    await eventually(() => expect(countersOf(hook)['findings.webhook.failed']).toBe(1));
    hook.offer(finding());
    await eventually(() => expect(countersOf(hook)['findings.webhook.sent']).toBe(1));
    await hook.stop();
  });

  it('lets so many wait, and counts the others', async () => {
    const hook = webhook({ hurry: 0.01 });
    for (let i = 0; i < 300; i++) hook.offer(finding());
    expect(countersOf(hook)).toEqual({ 'findings.webhook.sent': 0, 'findings.webhook.failed': 0, 'findings.webhook.left-out': 44 });
    await hook.stop();
    expect(countersOf(hook)).toEqual({ 'findings.webhook.sent': 64, 'findings.webhook.failed': 192, 'findings.webhook.left-out': 44 });
    hook.offer(finding());
    await hook.stop();
    expect(calls).toHaveLength(1);
  });

  it('does not go where a name leads to a metadata service', async () => {
    const addressesOf = (name: string): Promise<unknown> =>
      new Promise((resolve, reject) => lookupElsewhere(name, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error))));
    await expect(addressesOf('169.254.169.254')).rejects.toThrow('is a link-local address or a metadata service');
    await expect(addressesOf('fe80::1')).rejects.toThrow('is a link-local address or a metadata service');
    expect(await addressesOf('127.0.0.1')).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });
});

describe('alarms', () => {
  it('are written to the log with what a finding says, and no more of them than people read', () => {
    const alarms = new Alarms(log, null);
    alarms.heard(Array.from({ length: 500 }, () => finding()));
    expect(lines).toHaveLength(20);
    expect(lines[0]).toEqual({
      level: 40,
      rule: 'request-smuggling',
      severity: 'high',
      endpoint: 'shop/pod',
      source: '10.0.0.1',
      method: 'POST',
      template: '/cart',
      evidence: 'e',
      count: 3,
      msg: 'finding: a request whose end two servers would find at different places',
    });
    expect(countersOf(alarms)).toEqual({ 'findings.log.written': 20, 'findings.log.left-out': 480 });
  });
});
