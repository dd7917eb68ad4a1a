import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { WebhookMessage } from '../../src/agent/webhook.ts';
import type { Finding, FindingsData } from '../../src/findings/data.ts';
import { requireKernel } from '../support/kernel.ts';
import { HOST, type Pod } from '../support/network.ts';
import { succeeded } from '../support/process.ts';
import { createScene, type Scene } from './scene.ts';

const PORT = 9090;
const SERVER = fileURLToPath(new URL('./findings-server.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('./findings-client.ts', import.meta.url));
const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const SECRETS = ['TOPSECRET', 'correct-horse', 'evil.example', 'victim'];

/** What each client does, and the rules that are to say so; the flood is one of the endpoint, too. */
const PLANTED: Readonly<Record<string, readonly string[]>> = {
  smuggler: ['request-smuggling'],
  scanner: ['path-scan'],
  stuffer: ['credential-stuffing'],
  prober: ['code-injection', 'exposed-file', 'path-traversal', 'secret-in-url', 'sensitive-file', 'sql-injection', 'unusual-method'],
  flooder: ['source-flood'],
};

/** Somebody who wants to be told. */
async function startListener(): Promise<AsyncDisposable & { readonly url: string; readonly findings: Finding[]; readonly text: () => string }> {
  const messages: WebhookMessage[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      messages.push(JSON.parse(body) as WebhookMessage);
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    get findings() {
      return messages.flatMap(({ findings }) => findings);
    },
    text: () => JSON.stringify(messages),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => {});
    },
  };
}

async function findingsOf(scene: Scene): Promise<FindingsData> {
  return (await (await scene.agent.page('/findings')).json()) as FindingsData;
}

function visit(pod: Pick<Pod, 'start'>, kind: string, scene: Scene): Promise<string> {
  return succeeded(kind, pod.start(process.execPath, [CLIENT, kind, scene.app.address, String(PORT)]).finished);
}

describe.skipIf(!requireKernel())('findings', () => {
  it('tell of each attacker what he does, of visitors nothing, and of nobody what he sent', { timeout: 120_000 }, async () => {
    await using listener = await startListener();
    const settings = { workers: 1, findings: { learning: '10s', webhook: listener.url, minSeverity: 'medium' } };
    await using scene = await createScene({ settings, policy: { observe: true, targets: [] }, endpoint: { ports: [PORT] } });
    await using server = scene.app.start(process.execPath, [SERVER, String(PORT)], { ipc: true });
    await once(server.child, 'message');
    const visitors = visit(HOST, 'visitors', scene);
    // Until it is known what is usual.
    await sleep(13_000);
    const addresses: Record<string, string> = {};
    for (const kind of Object.keys(PLANTED)) {
      const pod = await scene.network.createPod({ name: kind });
      addresses[kind] = pod.address;
      await visit(pod, kind, scene);
    }
    await visitors;
    await sleep(1_500);

    const { findings, totals, unlisted } = await findingsOf(scene);
    const rulesOf = (source: string): string[] => [...new Set(findings.filter((finding) => finding.source === source).map(({ rule }) => rule))].sort();
    for (const [kind, rules] of Object.entries(PLANTED)) expect(rulesOf(addresses[kind]!), kind).toEqual(rules);
    expect(rulesOf(scene.network.address)).toEqual([]);
    expect(rulesOf('')).toEqual(['request-flood']);
    expect(findings.filter(({ rule }) => rule === 'request-smuggling').reduce((sum, { count }) => sum + count, 0)).toBe(3);
    expect(new Set(findings.map(({ endpoint }) => endpoint))).toEqual(new Set(['shop/v1']));
    expect(findings.reduce((sum, { count }) => sum + count, 0) + unlisted).toBe(Object.values(totals).reduce((sum, count) => sum + count, 0));

    const metrics = await (await scene.agent.page('/metrics')).text();
    expect(metrics).toContain('shadowtap_findings_total{rule="request-smuggling",severity="high"} 3\n');
    const lines = scene.agent.log.filter(({ msg }) => String(msg).startsWith('finding: '));
    expect(lines.map(({ rule }) => rule)).toContain('credential-stuffing');
    expect(listener.findings.map(({ rule }) => rule)).toContain('request-smuggling');
    expect(new Set(listener.findings.map(({ severity }) => severity))).toEqual(new Set(['medium', 'high']));

    const table = await succeeded('findings', HOST.start(process.execPath, [CLI, 'findings', '--admin', scene.agent.admin, '--min-severity', 'high']).finished);
    expect(table).toContain('request-smuggling');
    expect(table).not.toContain('path-scan');
    const everything = JSON.stringify(findings) + JSON.stringify(scene.agent.log) + listener.text() + metrics + table;
    expect(SECRETS.filter((secret) => everything.includes(secret))).toEqual([]);
  });
});
