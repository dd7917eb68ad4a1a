import { createHash } from 'node:crypto';
import { createServer, Agent, request as ask, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Answer } from '../../../src/compare/answer.ts';
import { seededRandom } from '../../../src/sketch/random.ts';
import { DEFECTS, type Defect } from './defects.ts';
import { Shop, type Draft, type ShopRequest } from './shop.ts';

export interface InstanceOptions {
  readonly name: string;
  readonly seed: number;
  /** Share of an endpoint's requests in which each of its defects shows. */
  readonly rate: number;
  /** Unix time in milliseconds; the machine's by default. */
  readonly now?: () => number;
  /** Any free port of loopback by default. */
  readonly host?: string;
  readonly port?: number;
}

/** Smaller content is not worth compressing. */
const GZIP_FROM = 1_024;

/** An instance of the shop behind Node's HTTP server. */
export class Instance implements AsyncDisposable {
  /** How often each defect was in an answer. */
  readonly planted = new Map<Defect, number>();
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
  readonly #rate: number;
  readonly #random;

  private constructor({ name, seed, rate, now = Date.now }: InstanceOptions) {
    this.#rate = rate;
    this.#shop = new Shop(name, seed, now);
    this.#random = seededRandom(seed + 1);
  }

  static async start(options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(options);
    await new Promise<void>((resolve) => instance.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
    return instance;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: ShopRequest): Draft {
    const draft = this.#shop.answer(request);
    for (const defect of DEFECTS) {
      if (defect.method !== request.method || !defect.path.test(request.target) || this.#random() >= this.#rate) continue;
      defect.spoil(draft);
      this.planted.set(defect, (this.planted.get(defect) ?? 0) + 1);
    }
    return draft;
  }
}

/** What the shop's clients send beside method and target. */
export const HEADERS = ['Host', 'shop.example', 'Accept', 'application/json', 'Accept-Encoding', 'gzip', 'User-Agent', 'shop-app/3.1'];

/** Asks one instance, over one connection, one after the other, so that what is random is the same in each run. */
export class Client implements Disposable {
  readonly #host: string;
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(port: number, host = '127.0.0.1') {
    this.#host = host;
    this.#port = port;
  }

  ask({ method, target, body }: ShopRequest): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = [...HEADERS, ...(body === '' ? [] : ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))])];
      const sent = ask({ host: this.#host, port: this.#port, method, path: target, agent: this.#agent, headers });
      sent.on('error', reject);
      sent.on('response', (response) => void answerOf(response).then(resolve, reject));
      sent.end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.rawHeaders, trailers: [], body: Buffer.concat(chunks), firstByteUs: -1, completeUs: -1 };
}
