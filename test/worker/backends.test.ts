import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ByteBudget } from '../../src/flow/budget.ts';
import type { FlowInfo } from '../../src/flow/stream.ts';
import { AccountBook } from '../../src/ledger/book.ts';
import { OUTCOME_SLOTS } from '../../src/ledger/outcomes.ts';
import { Emitter, type CopySink } from '../../src/mirror/emitter.ts';
import { Planner } from '../../src/mirror/planner.ts';
import { buildSnapshot } from '../../src/policy/build-snapshot.ts';
import type { BackendAddress } from '../../src/policy/snapshot.ts';
import { compileSnapshot, policyEntry, type CompiledSnapshot } from '../../src/worker/targets.ts';
import { policy } from '../policy/support.ts';
import { requestOf } from '../support/parsed-request.ts';
import { CA, CA_FILE, MIRROR_NAME, tlsServer } from '../support/tls/tls.ts';

const REF = { name: 'next', port: 80 };
const FLOW: FlowInfo = { id: 1, endpoint: 1, clientAddress: '10.0.0.1', clientPort: 40_000, serverAddress: '10.0.0.2', serverPort: 8080 };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server & { closeAllConnections(): void }, host: string): Promise<BackendAddress> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host, port: (server.address() as AddressInfo).port };
}

const pod = (host: string, answer: RequestListener): Promise<BackendAddress> => listen(createServer(answer), host);

/** A policy whose only target is a Service, as a worker has it over several snapshots. */
class Rig {
  readonly book = new AccountBook(1);
  readonly emitter = new Emitter(new ByteBudget(1 << 20));
  readonly #spec: Record<string, unknown>;
  offered = 0;
  ended = 0;

  /** @param target fields of the target beside its `backendRef` */
  constructor(target: Record<string, unknown> = {}, spec: Record<string, unknown> = {}) {
    this.#spec = { targets: [{ backendRef: REF, ...target }], ...spec };
    const timer = setInterval(() => this.emitter.tick(performance.now()), 20);
    cleanups.push(() => this.emitter.close(), () => clearInterval(timer));
  }

  compile(addresses: readonly BackendAddress[]): CompiledSnapshot {
    const made = policy(this.#spec);
    const snapshot = buildSnapshot(1, [made], [], { addressesOf: () => addresses, pemFiles: { [CA_FILE]: CA } });
    return compileSnapshot({ kind: 'policies', snapshot, accounts: [this.book.policy(policyEntry(made))[0]!.buffer], off: false }, 'shadowtap-mirrored');
  }

  apply(...addresses: BackendAddress[]): void {
    this.emitter.configure(this.compile(addresses).targets);
  }

  offer(count: number, sink: CopySink = this.emitter): void {
    for (let i = 0; i < count; i++) {
      const request = requestOf(`GET /${this.offered++} HTTP/1.1\r\nHost: shop\r\n\r\n`);
      sink.offer(0, request, null, performance.now(), { keeper: null, onCopyEnd: () => (this.ended += 1) }, FLOW);
    }
  }

  async settled(): Promise<Record<string, number>> {
    const deadline = Date.now() + 5_000;
    while (this.ended < this.offered && Date.now() < deadline) await sleep(5);
    expect(this.ended).toBe(this.offered);
    return this.counts();
  }

  counts(): Record<string, number> {
    const row = this.book.policy(policyEntry(policy(this.#spec)))[0]!.copies[0]!;
    return Object.fromEntries(OUTCOME_SLOTS.flatMap(({ outcome, reason }, slot) => (row[slot]! > 0 ? [[`${outcome}:${reason}`, row[slot]!]] : [])));
  }
}

describe('a target that is a Service', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ backendRef: REF }, 'http://next.default.svc'],
    [{ backendRef: { ...REF, port: 8080 } }, 'http://next.default.svc:8080'],
    [{ backendRef: { ...REF, namespace: 'other' } }, 'http://next.other.svc'],
    [{ backendRef: { ...REF, port: 443 }, tls: {} }, 'https://next.default.svc'],
    [{ backendRef: REF, tls: {} }, 'https://next.default.svc:80'],
  ])('%o is called %s, wherever its endpoints are', (target, name) => {
    const made = policy({ targets: [target] });
    expect(policyEntry(made).targets).toEqual([name]);
    const [compiled] = new Rig(target).compile([{ host: '10.0.0.1', port: 1 }]).targets;
    expect([compiled!.origin, compiled!.rules.authority, compiled!.rules.basePath]).toEqual([name, new URL(name).host, '']);
  });

  it('keeps its queue when its endpoints change', () => {
    const rig = new Rig();
    const keys = [[], [{ host: '10.0.0.1', port: 80 }]].map((addresses) => rig.compile(addresses).targets[0]!.key);
    expect(new Set(keys).size).toBe(1);
    expect(rig.compile([]).targets[0]!.key).not.toBe(new Rig({ backendRef: { ...REF, port: 81 } }).compile([]).targets[0]!.key);
  });

  it('gets copies at its endpoints, with the Host of the Service where the policy says so', async () => {
    const hosts: (string | undefined)[] = [];
    const answer: RequestListener = (request, response) => {
      hosts.push(request.headers.host);
      response.end();
    };
    const rig = new Rig({ backendRef: { ...REF, port: 8080 }, hostname: 'Target' });
    rig.apply(await pod('127.0.0.11', answer), await pod('127.0.0.12', answer));
    rig.offer(4);
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 4 });
    expect(hosts).toEqual(Array.from({ length: 4 }, () => 'next.default.svc:8080'));
  });

  it('fails copies as connect while it has no endpoint, and takes them as soon as it has one', async () => {
    const rig = new Rig();
    rig.apply();
    rig.offer(50);
    expect(rig.ended).toBe(50);
    expect(rig.emitter.pending).toBe(0);
    rig.apply(await pod('127.0.0.11', (_request, response) => response.end()));
    rig.offer(5);
    expect(await rig.settled()).toEqual({ 'failed:connect': 50, 'mirrored:2xx': 5 });
  });

  it('is tried at once at a new endpoint, though its breaker is open', async () => {
    const rig = new Rig();
    const dead = await pod('127.0.0.11', (_request, response) => response.end());
    await cleanups.pop()?.();
    rig.apply(dead);
    for (let i = 0; i < 30; i++) {
      rig.offer(1);
      await rig.settled();
    }
    expect(rig.emitter.breakersOpen).toBe(1);
    const before = await rig.settled();
    const living = await pod('127.0.0.12', (_request, response) => response.end());
    rig.apply(dead);
    expect(rig.emitter.breakersOpen).toBe(1);
    rig.apply(dead, living);
    rig.offer(1);
    await rig.settled();
    expect(rig.emitter.breakersOpen).toBe(0);
    rig.offer(9);
    expect(await rig.settled()).toEqual({ ...before, 'mirrored:2xx': 10 });
  });

  it('does not open its breaker while one endpoint answers, however many copies another one fails', async () => {
    const rig = new Rig();
    const dead = await pod('127.0.0.11', (_request, response) => response.end());
    await cleanups.pop()?.();
    rig.apply(dead, await pod('127.0.0.12', (_request, response) => void setTimeout(() => response.end(), 50)));
    rig.offer(100);
    const counts = await rig.settled();
    expect(counts['failed:connect']).toBeGreaterThanOrEqual(40);
    expect(counts['mirrored:2xx']).toBe(100 - counts['failed:connect']!);
    rig.offer(20);
    expect(await rig.settled()).toEqual({ ...counts, 'mirrored:2xx': counts['mirrored:2xx']! + 20 });
  });

  it('loses no copy that waits when its endpoints change', async () => {
    const slow: RequestListener = (_request, response) => void setTimeout(() => response.end(), 30);
    const [a, b] = [await pod('127.0.0.11', slow), await pod('127.0.0.12', slow)];
    const rig = new Rig({ connections: 2 });
    rig.apply(a);
    rig.offer(20);
    for (let i = 0; i < 10; i++) {
      rig.apply(i % 2 === 0 ? b : a);
      await sleep(20);
    }
    expect(await rig.settled()).toEqual({ 'mirrored:2xx': 20 });
  });

  it('keeps the order of a connection over its endpoints', async () => {
    const begun: string[] = [];
    let underWay = 0;
    let most = 0;
    const answer: RequestListener = (request, response) => {
      begun.push(request.url!);
      most = Math.max(most, ++underWay);
      setTimeout(() => {
        underWay -= 1;
        response.end();
      }, Math.random() * 10);
    };
    const rig = new Rig({}, { ordering: 'Connection' });
    rig.apply(await pod('127.0.0.11', answer), await pod('127.0.0.12', answer));
    rig.offer(12);
    await rig.settled();
    expect(begun).toEqual(Array.from({ length: 12 }, (_, i) => `/${i}`));
    expect(most).toBe(1);
  });

  it.each<[string, Record<string, unknown>, string[], Record<string, number>]>([
    ['asks for the name of the Service', { insecureSkipVerify: true }, ['next.default.svc'], { 'mirrored:2xx': 3 }],
    ['trusts no other name', { caFile: CA_FILE }, [], { 'failed:connect': 3 }],
    ['asks for the name that is given', { caFile: CA_FILE, serverName: MIRROR_NAME }, [MIRROR_NAME], { 'mirrored:2xx': 3 }],
  ])('with tls %s', async (_what, tls, asked, outcome) => {
    const names: (string | false)[] = [];
    const server = tlsServer((_request, response) => response.end());
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket: TLSSocket & { servername?: string | false }) => names.push(socket.servername ?? false));
    const rig = new Rig({ tls });
    rig.apply(await listen(server, '127.0.0.11'));
    rig.offer(3);
    expect(await rig.settled()).toEqual(outcome);
    expect([...new Set(names)]).toEqual(asked);
  });

  it('is planned in a dry run by its name, with endpoints or without', () => {
    const rig = new Rig();
    const planner = new Planner();
    for (const addresses of [[], [{ host: '10.0.0.1', port: 80 }]]) {
      planner.configure(rig.compile(addresses).targets);
      rig.offer(2, planner);
    }
    expect(planner.report()).toMatchObject([{ policy: 'default/p', origin: 'http://next.default.svc', requests: 4 }]);
    expect(rig.compile([]).records).toEqual([null]);
    expect(rig.counts()).toEqual({ 'planned:': 4 });
  });
});
