import { createHash } from 'node:crypto';
import { createServer, Agent, request as ask, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Answer } from '../../../src/compare/answer.ts';
import { seededRandom } from '../../../src/sketch/random.ts';
import type { Defect } from './defects.ts';
import { Shop, type Draft, type ShopRequest } from './shop.ts';

export interface InstanceOptions {
  readonly name: string;
  readonly seed: number;
  readonly now: () => number;
  /** What is wrong with it, and in which share of an endpoint's requests each. */
  readonly defects: readonly Defect[];
  readonly rate: number;
}

/** Smaller content is not worth compressing. */
const GZIP_FROM = 1_024;

/** An instance of the shop behind Node's HTTP server, on loopback. */
export class Instance implements AsyncDisposable {
  /** How often each defect was in an answer. */
  readonly planted = new Map<Defect, number>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const draft = this.#answer({ method: request.method as 'GET' | 'POST', target: request.url!, body: Buffer.concat(chunks).toString() });
      let content = Buffer.from(typeof draft.body === 'string' ? draft.body : JSON.stringify(draft.body));
      draft.headers['etag'] = `"${createHash('sha1').update(content).digest('base64url')}"`;
      if (content.length >= GZIP_FROM && /gzip/.test(String(request.headers['accept-encoding']))) {
        content = gzipSync(content, { level: 1 });
        draft.headers['content-encoding'] = 'gzip';
      }
      response.writeHead(draft.status, { ...draft.headers, 'content-length': content.length });
      response.end(content);
    });
  });
  readonly #shop: Shop;
  readonly #options: InstanceOptions;
  readonly #random;

  private constructor(options: InstanceOptions) {
    this.#options = options;
    this.#shop = new Shop(options.name, options.seed, options.now);
    this.#random = seededRandom(options.seed + 1);
  }

  static async start(options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(options);
    await new Promise<void>((resolve) => instance.#server.listen(0, '127.0.0.1', resolve));
    return instance;
  }

  /** One after the other, so that what is random is the same in each run. */
  ask(request: ShopRequest, headers: readonly string[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port } = this.#server.address() as AddressInfo;
      const sent = ask({ host: '127.0.0.1', port, method: request.method, path: request.target, agent: this.#agent, headers: [...headers] });
      sent.on('error', reject);
      sent.on('response', (response) => void answerOf(response).then(resolve, reject));
      sent.end(request.body);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: ShopRequest): Draft {
    const draft = this.#shop.answer(request);
    for (const defect of this.#options.defects) {
      if (defect.method !== request.method || !defect.path.test(request.target) || this.#random() >= this.#options.rate) continue;
      defect.spoil(draft);
      this.planted.set(defect, (this.planted.get(defect) ?? 0) + 1);
    }
    return draft;
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.rawHeaders, trailers: [], body: Buffer.concat(chunks), firstByteUs: -1, completeUs: -1 };
}
