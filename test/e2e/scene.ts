import { expect } from 'vitest';
import { startAgent, type AgentOptions, type AgentUnderTest } from '../support/agent.ts';
import { createNetwork, type Network, type Pod, type PodOptions } from '../support/network.ts';
import { startRecorder, type ReceivedRequest, type Recorder } from '../support/servers/recorder.ts';

export const PORT = 8080;

export interface SceneOptions {
  readonly tap?: string;
  /** Settings of the agent. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** `spec` of the policy, without selector and targets. */
  readonly policy?: Readonly<Record<string, unknown>>;
  readonly pod?: Partial<PodOptions>;
  /** Extra fields of the endpoint. */
  readonly endpoint?: Readonly<Record<string, unknown>>;
  /** Extra fields of the target. */
  readonly target?: Readonly<Record<string, unknown>>;
  /** false: the agent is started later, by `startAgent`. */
  readonly agent?: boolean;
}

/** Production in one pod, a mirror in another, both recording; and the agent between them. */
export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await createNetwork());
  const cgroup = options.tap === 'ebpf:cgroup';
  const app = await network.createPod({ name: 'v1', cgroup, ...options.pod });
  const shadow = await network.createPod({ name: 'v2' });
  const production = stack.use(await startRecorder(app, { port: PORT }));
  const mirror = stack.use(await startRecorder(shadow, { port: PORT }));
  const scene = new Scene(options, network, app, shadow, production, mirror, stack.move());
  if (options.agent !== false) await scene.startAgent();
  return scene;
}

export class Scene implements AsyncDisposable {
  readonly network: Network;
  readonly app: Pod;
  readonly shadow: Pod;
  readonly production: Recorder;
  readonly mirror: Recorder;
  readonly url: string;
  readonly #options: SceneOptions;
  readonly #stack: AsyncDisposableStack;
  #agent: AgentUnderTest | null = null;

  constructor(options: SceneOptions, network: Network, app: Pod, shadow: Pod, production: Recorder, mirror: Recorder, stack: AsyncDisposableStack) {
    this.#options = options;
    this.network = network;
    this.app = app;
    this.shadow = shadow;
    this.production = production;
    this.mirror = mirror;
    this.url = `http://${app.address}:${PORT}`;
    this.#stack = stack;
  }

  get agent(): AgentUnderTest {
    if (this.#agent === null) throw new Error('the agent was not started');
    return this.#agent;
  }

  async startAgent(): Promise<AgentUnderTest> {
    this.#agent = await startAgent(this.configuration());
    this.#stack.use(this.#agent);
    return this.#agent;
  }

  configuration(): AgentOptions {
    const { tap = 'ebpf:tcx', settings, policy, target, endpoint: fields } = this.#options;
    const { netns, cgroup } = this.app;
    const where = { netns, ...(cgroup === undefined ? {} : { cgroup }) };
    const endpoint = { name: 'shop/v1', labels: { app: 'shop' }, ports: [PORT], ...where, ...fields };
    return {
      spec: { tap, endpoints: [endpoint], ...settings },
      policies: {
        next: {
          selector: { matchLabels: { app: 'shop' } },
          targets: [{ url: `http://${this.shadow.address}:${PORT}`, ...target }],
          ...policy,
        },
      },
    };
  }

  /** Waits until the mirror has as many requests as production, and compares them one by one. */
  async expectSame(count: number, timeoutMs = 10_000): Promise<void> {
    const sent = await this.production.waitFor(count, timeoutMs);
    const copies = await this.mirror.waitFor(count, timeoutMs);
    expect(copies.map(contentOf).sort()).toEqual(sent.map(contentOf).sort());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Fields that a copy does not keep: they belong to the connection or the framing; and the two that mark and move. */
const NOT_COPIED = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'content-length', 'expect', 'shadowtap-mirrored', 'host']);

/** What must be the same in a request and its copy, as one text. */
function contentOf({ method, target, headers, bodyLength, bodySha256, complete }: ReceivedRequest): string {
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  const kept = headers.filter(([name]) => !NOT_COPIED.has(name.toLowerCase()));
  return JSON.stringify({ method, target, host, kept, bodyLength, bodySha256, complete });
}
