import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/netns.ts';
import { createNetwork, type Pod } from '../support/network.ts';
import { startNginx, type Nginx } from '../support/servers/nginx.ts';
import { childrenOf } from './process-usage.ts';

export const PRODUCTION_PORT = 8080;
export const MIRROR_PORT = 8080;
const STATUS_PATH = '/nginx-status';

/** What a production server has besides serving: nginx directives. */
export interface ProductionExtras {
  /** In the location that serves. */
  readonly location?: string;
  /** Beside that location. */
  readonly server?: string;
  /** An `upstream` block. */
  readonly upstream?: string;
}

/**
 * The production server of every contest: nginx with one worker that answers any request with a small file. Not with
 * `return`, which comes before the mirror module's turn; a POST ends at the static handler's 405, which becomes the
 * file as well.
 */
export async function startProduction(pod: Pod, port: number, extras: ProductionExtras = {}): Promise<Nginx> {
  const { location = '', server = '', upstream = '' } = extras;
  const nginx = await startNginx(pod, {
    port,
    log: false,
    server: (folder) => `
    root ${folder};
    default_type text/plain;
    open_file_cache max=10;
    client_body_buffer_size 64k;
    error_page 405 =200 /answer.txt;
    location = /answer.txt { }
    location / { ${location} try_files /answer.txt =404; }
    ${server}
    ${upstream === '' ? '' : besideServer(upstream)}`,
  });
  await nginx.writeFile('answer.txt', 'ok\n');
  return nginx;
}

/** Text within the `server` block that gets out of it: nginx wants an upstream to stand beside the block. */
function besideServer(block: string): string {
  return `} ${block} server { listen unix:/dev/null.unused;`;
}

/** Two pods on a node: production, and the mirror that counts what arrives. Clients and contenders are on the node. */
export async function createArena(): Promise<Arena> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await createNetwork());
  const app = await network.createPod({ name: 'app' });
  const shadow = await network.createPod({ name: 'shadow' });
  const production = stack.use(await startProduction(app, PRODUCTION_PORT));
  limitTimeWait(app);
  // An empty answer: with any other, nginx's mirror module cannot keep its connections.
  const server = (): string => `location = ${STATUS_PATH} { stub_status; } location / { return 204; }`;
  stack.use(await startNginx(shadow, { port: MIRROR_PORT, log: false, server }));
  return new Arena(app, shadow, production, stack.move());
}

/**
 * A contender that opens a connection a request would soon have used up the pod's ports: those of finished connections
 * are free again earlier than after the usual minute.
 */
function limitTimeWait(pod: Pod): void {
  run('ip', 'netns', 'exec', pod.namespace, 'sh', '-c', 'echo 2048 > /proc/sys/net/ipv4/tcp_max_tw_buckets');
}

export class Arena implements AsyncDisposable {
  /** Pod of production. */
  readonly app: Pod;
  /** Pod of the mirror. */
  readonly shadow: Pod;
  readonly production: Nginx;
  readonly mirrorUrl: string;
  readonly #stack: AsyncDisposableStack;
  /** The mirror counts our own questions, too. */
  #questions = 0;

  constructor(app: Pod, shadow: Pod, production: Nginx, stack: AsyncDisposableStack) {
    this.app = app;
    this.shadow = shadow;
    this.production = production;
    this.mirrorUrl = `http://${shadow.address}:${MIRROR_PORT}`;
    this.#stack = stack;
  }

  /** Requests that the mirror has received since it was started. */
  async arrived(): Promise<number> {
    const text = await (await fetch(this.mirrorUrl + STATUS_PATH)).text();
    this.#questions += 1;
    const requests = /(\d+)\s*\n\s*Reading/.exec(text)?.[1];
    if (requests === undefined) throw new Error(`nginx's status page is not as expected: ${text}`);
    return Number(requests) - this.#questions;
  }

  /** Waits until so many requests have arrived, or none has for a second and a half. @returns the number that have */
  async arrivals(expected: number): Promise<number> {
    let arrived = await this.arrived();
    let lastMs = performance.now();
    while (arrived < expected && performance.now() - lastMs < 1_500) {
      await sleep(50);
      const now = await this.arrived();
      if (now !== arrived) lastMs = performance.now();
      arrived = now;
    }
    return arrived;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The processes that answer. */
export function workersOf(nginx: Nginx): number[] {
  return childrenOf(nginx.pid);
}
