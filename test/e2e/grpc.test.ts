import { Client, credentials, makeGenericClientConstructor, Metadata, type ClientDuplexStream, type ClientReadableStream } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { InsightData } from '../../src/insight.ts';
import { ECHO_SERVICE } from '../http/h2/grpc.ts';
import { outcomes, startAgent, type AgentOptions, type AgentUnderTest } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, type Pod, type PodOptions } from '../support/network.ts';
import { startGrpcServer, type GrpcServer } from '../support/servers/grpc.ts';
import { toldOf } from '../support/told.ts';
import { PORT } from './scene.ts';

const MAX_MESSAGE = 16 << 20;
const GZIP = 2;

/** Two versions of a service, and a policy that mirrors one to the other. */
class GrpcScene implements AsyncDisposable {
  readonly app: Pod;
  readonly shadow: Pod;
  readonly production: GrpcServer;
  readonly mirror: GrpcServer;
  readonly #policy: object;
  readonly #stack: AsyncDisposableStack;
  #agent: AgentUnderTest | null = null;

  private constructor(app: Pod, shadow: Pod, production: GrpcServer, mirror: GrpcServer, policy: object, stack: AsyncDisposableStack) {
    this.app = app;
    this.shadow = shadow;
    this.production = production;
    this.mirror = mirror;
    this.#policy = policy;
    this.#stack = stack;
  }

  static async create({ policy = {}, pod = {}, agent = true, version = 'v1' }: { policy?: object; pod?: Partial<PodOptions>; agent?: boolean; version?: 'v1' | 'v2' } = {}): Promise<GrpcScene> {
    await using stack = new AsyncDisposableStack();
    const network = stack.use(await createNetwork());
    const app = await network.createPod({ name: 'v1', ...pod });
    const shadow = await network.createPod({ name: 'v2' });
    const production = stack.use(await startGrpcServer(app, PORT));
    const mirror = stack.use(await startGrpcServer(shadow, PORT, version));
    const scene = new GrpcScene(app, shadow, production, mirror, policy, stack.move());
    if (agent) await scene.startAgent();
    return scene;
  }

  async startAgent(): Promise<void> {
    const options: AgentOptions = {
      spec: { endpoints: [{ name: 'shop/v1', labels: { app: 'shop' }, ports: [PORT], netns: this.app.netns }] },
      policies: { next: { selector: {}, targets: [{ url: `http://${this.shadow.address}:${PORT}` }], limits: { maxBodyBytes: 8 << 20, maxQueueBytes: 64 << 20 }, ...this.#policy } },
    };
    this.#agent = this.#stack.use(await startAgent(options));
  }

  get agent(): AgentUnderTest {
    if (this.#agent === null) throw new Error('the agent was not started');
    return this.#agent;
  }

  client(options: Readonly<Record<string, string | number>> = {}): GrpcClient {
    const client = new GrpcClient(`${this.app.address}:${PORT}`, options);
    this.#stack.defer(() => client.close());
    return client;
  }

  /** Waits until the mirror has heard as many calls as production, and compares them. */
  async expectSame(count: number): Promise<void> {
    const served = await this.production.waitFor(count);
    expect(await this.mirror.waitFor(count)).toEqual(served);
    expect([this.production.calls.some(({ marked }) => marked), this.mirror.calls.every(({ marked }) => marked)]).toEqual([false, true]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

const Generic = makeGenericClientConstructor(ECHO_SERVICE, 'Cart');
const identity = (bytes: Buffer): Buffer => bytes;

/** The four kinds of calls. */
class GrpcClient {
  readonly #client: Client;

  constructor(address: string, options: Readonly<Record<string, string | number>>) {
    this.#client = new Generic(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_MESSAGE,
      'grpc.max_send_message_length': MAX_MESSAGE,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** @returns the reply, or the status code */
  get(message: Buffer | string, metadata = new Metadata(), deadlineMs?: number): Promise<Buffer | number> {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest('/shop.Cart/Get', identity, identity, Buffer.from(message as string), metadata, options, (error, reply) => resolve(error?.code ?? reply!));
    });
  }

  upload(messages: readonly Buffer[]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeClientStreamRequest('/shop.Cart/Upload', identity, identity, new Metadata(), {}, (error, reply) => (error === null ? resolve(reply!) : reject(error)));
      for (const message of messages) call.write(message);
      call.end();
    });
  }

  watch(message: string): ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest('/shop.Cart/Watch', identity, identity, Buffer.from(message), new Metadata(), {});
  }

  chat(): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest('/shop.Cart/Chat', identity, identity, new Metadata(), {});
  }

  close(): void {
    this.#client.close();
  }
}

async function replies(call: ClientReadableStream<Buffer>): Promise<number> {
  let count = 0;
  for await (const _ of call) count += 1;
  return count;
}

/** Says something, and waits for the echo before the next. */
async function converse(call: ClientDuplexStream<Buffer, Buffer>, messages: readonly string[]): Promise<void> {
  for (const message of messages) {
    const echo = new Promise((resolve) => call.once('data', resolve));
    call.write(Buffer.from(message));
    await echo;
  }
}

async function everyKind(client: GrpcClient): Promise<number> {
  const metadata = new Metadata();
  metadata.add('x-text', 'one');
  metadata.add('x-text', 'two');
  metadata.add('x-bytes-bin', Buffer.from([0, 255, 10]));
  await Promise.all(Array.from({ length: 50 }, (_, i) => client.get(`${i}`, metadata, i % 2 === 0 ? 10_000 : undefined)));
  await client.upload(Array.from({ length: 100 }, (_, i) => Buffer.alloc(i * 100, i)));
  expect(await replies(client.watch('thing'))).toBe(10);
  const chat = client.chat();
  await converse(chat, ['a', '', 'c'.repeat(100_000), 'd']);
  chat.end();
  await replies(chat);
  return 53;
}

describe.skipIf(!requireKernel())('gRPC', () => {
  it('is mirrored in all four kinds of calls, with metadata and deadlines', async () => {
    await using scene = await GrpcScene.create();
    const count = await everyKind(scene.client());
    await scene.expectSame(count);
    expect(outcomes((await scene.agent.settled(count)).ledger)).toEqual({ 'mirrored 2xx': count });
  });

  it('is compared field by field where it is one question and one answer, and counted as not compared else', async () => {
    await using scene = await GrpcScene.create({ policy: { compare: { maxPerSecond: 0 } }, version: 'v2' });
    const client = scene.client();
    // { 1: i, 2: 'ok' }
    const replied = await Promise.all(Array.from({ length: 100 }, (_, i) => client.get(Buffer.from([0x08, i, 0x12, 2, 0x6f, 0x6b]))));
    expect(replied.every((reply) => reply instanceof Buffer)).toBe(true);
    const count = 100 + (await everyKind(client));
    await scene.agent.settled(count);
    const told = async () => toldOf((await (await scene.agent.page('/insight')).json()) as InsightData);
    const streams = { compared: 0, different: {}, notCompared: { streaming: 1 } };
    await expect.poll(told, { timeout: 5_000 }).toEqual({
      'POST /shop.Cart/Get': { compared: 150, different: { 'body /1': 1, 'trailer grpc-status': 1 }, notCompared: {} },
      'POST /shop.Cart/Upload': streams,
      'POST /shop.Cart/Watch': streams,
      'POST /shop.Cart/Chat': streams,
    });
  });

  it('is mirrored with large messages, and compressed ones as they are', async () => {
    await using scene = await GrpcScene.create();
    const large = randomBytes(4 << 20);
    expect(await scene.client().get(large)).toEqual(large);
    const compressing = scene.client({ 'grpc.default_compression_algorithm': GZIP });
    await everyKind(compressing);
    expect(await compressing.get(Buffer.alloc(4 << 20, 'x'))).toHaveLength(4 << 20);
    await scene.expectSame(55);
    expect(outcomes((await scene.agent.settled(55)).ledger)).toEqual({ 'mirrored 2xx': 55 });
  });

  it('is mirrored while it happens, and when its client cancels or its time is over, so does the copy', async () => {
    await using scene = await GrpcScene.create();
    const client = scene.client();
    const chat = client.chat();
    chat.on('error', () => {});
    await converse(chat, ['one', 'two', 'three']);
    await expect.poll(() => scene.mirror.messages).toBe(3);
    const { ledger } = await scene.agent.stats();
    expect([ledger.open, scene.mirror.calls.length]).toEqual([1, 0]);
    chat.cancel();
    const watch = client.watch('forever');
    watch.on('error', () => {});
    await new Promise((resolve) => watch.once('data', resolve));
    await expect.poll(() => scene.mirror.messages).toBe(4);
    await sleep(100);
    watch.cancel();
    expect(await client.get('never', new Metadata(), 300)).toBe(4);
    await scene.expectSame(3);
    const settled = await scene.agent.settled(3);
    // The mirror's own deadline and the cancelling client may come in either order.
    const { 'mirrored 2xx': mirrored, ...rest } = outcomes(settled.ledger);
    expect([mirrored, Object.values(rest)]).toEqual(mirrored === 3 ? [3, []] : [2, [1]]);
    expect(scene.mirror.calls.map(({ how }) => how)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });

  it('of a connection that is older than the agent is counted, and of the next one mirrored', async () => {
    await using scene = await GrpcScene.create({ agent: false });
    const old = scene.client();
    for (let i = 0; i < 5; i++) await old.get(`before ${i}`);
    await scene.startAgent();
    for (let i = 0; i < 5; i++) await old.get(`midway ${i}`);
    expect(outcomes((await scene.agent.settled(5)).ledger)).toEqual({ 'h2-midstream': 5 });
    const young = scene.client();
    for (let i = 0; i < 5; i++) await young.get(`after ${i}`);
    expect(outcomes((await scene.agent.settled(10)).ledger)).toEqual({ 'h2-midstream': 5, 'mirrored 2xx': 5 });
    expect(scene.mirror.calls).toHaveLength(5);
  });

  it('with Skip is mirrored where the client sends one message', async () => {
    await using scene = await GrpcScene.create({ policy: { grpc: { streaming: 'Skip' } } });
    await everyKind(scene.client());
    expect(outcomes((await scene.agent.settled(53)).ledger)).toEqual({ 'mirrored 2xx': 51, 'method streaming': 2 });
    expect(new Set(scene.mirror.calls.map(({ method }) => method))).toEqual(new Set(['get', 'watch']));
  });

  it('is mirrored whole over a path that loses, reorders and doubles packets', async () => {
    await using scene = await GrpcScene.create({ pod: { impair: { loss: 0.02, reorder: 0.05, duplicate: 0.05, seed: 7 } } });
    const count = await everyKind(scene.client());
    await scene.production.waitFor(count);
    const { ledger } = await scene.agent.settled(count, 20_000);
    expect(outcomes(ledger)).toEqual({ 'mirrored 2xx': count });
    await scene.expectSame(count);
  });
});
