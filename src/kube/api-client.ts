import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { messageOf, ShadowtapError } from '../errors.ts';
import { ApiError, apiError } from './api-error.ts';

export interface ApiRequest {
  /** GET by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  /** Parameters that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default; patches have types of their own. */
  readonly contentType?: string;
  /** Milliseconds until the whole answer must be there; 30 seconds by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** An answer that goes on. */
export interface ApiStream {
  readonly chunks: AsyncIterable<Uint8Array>;
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;
type Response = Awaited<ReturnType<Dispatcher['request']>>;

const TIMEOUT_MS = 30_000;
/** Lists of a page are far smaller; an answer beyond it is not from an API server of ours. */
const MAX_BODY_BYTES = 256 << 20;
/** Differences below it are network and rounding: the Date header has whole seconds. */
const SKEW_RESOLUTION_MS = 2_000;

/**
 * The Kubernetes API, as JSON over HTTP. `@kubernetes/client-node` says where the server is and who we are, and opens
 * connections. Its own Watch is not used: it swallows what its callback throws, and tells neither an error's body nor
 * where to go on. All requests and watches of a client share one HTTP/2 connection, or HTTP/1.1 ones where the server
 * has no more.
 */
export class ApiClient {
  readonly server: string;
  /** Namespace of the service account, or of the kubeconfig's context. */
  readonly namespace: string;
  readonly #config: KubeConfig;
  /** Each one has connections of its own, so one is kept for as long as it works. */
  #dispatcher: Dispatcher | null = null;
  #clockSkewMs = 0;

  private constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new ShadowtapError('KUBE_CONFIG', 'the kubeconfig names no cluster; choose a context with --context');
    this.#config = config;
    this.server = cluster.server;
    this.namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  }

  /** As a pod's service account. @throws ShadowtapError KUBE_CONFIG outside a pod */
  static inCluster(): ApiClient {
    if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
      throw new ShadowtapError('KUBE_CONFIG', 'this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set); give a kubeconfig');
    }
    return configured((config) => config.loadFromCluster());
  }

  /**
   * As a person.
   * @param file not given: $KUBECONFIG, else ~/.kube/config, else the service account of the pod
   * @param context not given: the file's current one
   * @throws ShadowtapError KUBE_CONFIG
   */
  static fromKubeconfig(file?: string, context?: string): ApiClient {
    return configured((config) => {
      if (file === undefined) config.loadFromDefault();
      else config.loadFromFile(file);
      if (context === undefined) return;
      if (config.getContextObject(context) === null) throw new Error(`it has no context ${JSON.stringify(context)}`);
      config.setCurrentContext(context);
    }, file);
  }

  static of(config: KubeConfig): ApiClient {
    return new ApiClient(config);
  }

  /** How far the server's clock is ahead of ours, milliseconds, by its last answer; 0 where that cannot be told from none. */
  get clockSkewMs(): number {
    return this.#clockSkewMs;
  }

  /** @returns the JSON of the answer; null where it has none @throws ApiError */
  async call(request: ApiRequest): Promise<unknown> {
    const signal = limited(request.signal, request.timeoutMs ?? TIMEOUT_MS);
    const response = await this.#send(request, signal);
    try {
      const text = await response.body.text();
      return text === '' ? null : JSON.parse(text);
    } catch (cause) {
      throw new ApiError(`cannot ${describe(request)}: the answer broke off or is no JSON (${messageOf(cause)})`, { cause });
    }
  }

  /** Begins a watch. Reading the stream throws where the connection breaks. @throws ApiError */
  async stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<ApiStream> {
    const start = new AbortController();
    const timer = setTimeout(() => start.abort(new Error('no answer in time')), request.timeoutMs ?? TIMEOUT_MS);
    try {
      const { body } = await this.#send(request, AbortSignal.any([request.signal, start.signal]));
      return { chunks: body };
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
    this.#dispatcher = null;
  }

  async #send(request: ApiRequest, signal: AbortSignal): Promise<Response> {
    const { method = 'GET', path, query = {}, body, contentType = 'application/json' } = request;
    const what = describe(request);
    const url = new URL(this.server);
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
    const search = parameters.size === 0 ? '' : `?${parameters.toString()}`;
    let response: Response;
    try {
      const { dispatcher, headers } = await this.#authenticated();
      response = await dispatcher.request({
        origin: url.origin,
        path: `${url.pathname.replace(/\/$/, '')}${path}${search}`,
        method,
        headers: { ...headers, accept: 'application/json', ...(body !== undefined && { 'content-type': contentType }) },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
        // The signal ends what takes too long; a watch may be silent.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    } catch (cause) {
      if (cause instanceof ShadowtapError) throw cause;
      if (request.signal?.aborted !== true) this.#forgetConnections();
      throw new ApiError(`cannot ${what}: ${this.server} does not answer (${messageOf(cause)})`, { cause });
    }
    this.#readClock(response);
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) {
      if (Number(response.headers['content-length'] ?? 0) <= MAX_BODY_BYTES) return response;
      response.body.destroy();
      throw new ApiError(`cannot ${what}: the answer is larger than ${MAX_BODY_BYTES} bytes`);
    }
    if (statusCode === 401) this.#forgetConnections();
    const retryAfter = Number(response.headers['retry-after'] ?? 0);
    throw apiError(what, statusCode, await bodyOf(response), Number.isFinite(retryAfter) ? retryAfter * 1000 : 0);
  }

  async #authenticated(): Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }> {
    // Tokens are read again from their files as they are renewed, so headers are asked for each time.
    const context = new RequestContext(this.server, HttpMethod.GET);
    await this.#config.applySecurityAuthentication(context);
    this.#dispatcher ??= context.getDispatcher() ?? null;
    if (this.#dispatcher === null) throw new ShadowtapError('KUBE_CONFIG', 'the kubeconfig has neither an authority nor credentials');
    return { dispatcher: this.#dispatcher, headers: context.getHeaders() };
  }

  /** After a failure the next request takes fresh connections and certificates; running streams end by themselves. */
  #forgetConnections(): void {
    const old = this.#dispatcher;
    this.#dispatcher = null;
    void old?.close().catch(() => {});
  }

  #readClock({ headers }: Response): void {
    const date = Date.parse(String(headers['date'] ?? ''));
    if (Number.isNaN(date)) return;
    const skew = date - Date.now();
    this.#clockSkewMs = Math.abs(skew) < SKEW_RESOLUTION_MS ? 0 : skew;
  }
}

function configured(load: (config: KubeConfig) => void, file?: string): ApiClient {
  const config = new KubeConfig();
  try {
    load(config);
  } catch (cause) {
    throw new ShadowtapError('KUBE_CONFIG', `the kubeconfig ${file ?? '($KUBECONFIG or ~/.kube/config)'} cannot be used: ${messageOf(cause)}`, { cause });
  }
  return ApiClient.of(config);
}

function describe({ method = 'GET', path, query }: ApiRequest): string {
  const verb = query?.['watch'] === undefined ? method.toLowerCase() : 'watch';
  return `${verb} ${path}`;
}

function limited(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.body.text());
  } catch {
    return null;
  }
}
