import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { messageOf, ShadowtapError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { bodyText, jsonOf, retryAfterMs, told } from './answer.ts';
import { ApiError, apiError } from './api-error.ts';

export interface ApiRequest {
  /** GET by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Such as `/api/v1/pods`. */
  readonly path: string;
  /** Parameters that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default; patches have types of their own. */
  readonly contentType?: string;
  /** Milliseconds until the answer must be there, of a stream its beginning; 30 seconds by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface StreamRequest extends ApiRequest {
  readonly signal: AbortSignal;
  /** A stream of which nothing is heard for so many milliseconds is taken for dead. */
  readonly silenceMs: number;
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;
type Response = Awaited<ReturnType<Dispatcher['request']>>;

const TIMEOUT_MS = 30_000;
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
  readonly #load: () => KubeConfig;
  /** null: to be read, again. It remembers tokens for a minute, and has certificates as they were when it was read. */
  #config: KubeConfig | null;
  /** What requests go through: the connections, and the certificates that they were opened with. null: to be made. */
  #dispatcher: Dispatcher | null = null;
  /** Ends all that is under way. A dispatcher that was told to close forgets its streams, and can no longer end them. */
  readonly #closed = new AbortController();
  #clockSkewMs = 0;

  private constructor(load: () => KubeConfig) {
    this.#load = load;
    this.#config = load();
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) throw new ShadowtapError('KUBE_CONFIG', 'the kubeconfig names no cluster; choose a context with --context');
    this.server = cluster.server;
    this.namespace = this.#config.getContextObject(this.#config.getCurrentContext())?.namespace ?? 'default';
  }

  /**
   * As a pod's service account.
   * @param root where the files of the service account are looked for, `/` by default
   * @throws ShadowtapError KUBE_CONFIG outside a pod
   */
  static inCluster(root = ''): ApiClient {
    if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
      throw new ShadowtapError('KUBE_CONFIG', 'this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set); give a kubeconfig');
    }
    return new ApiClient(() => configOf('of the service account', (config) => config.loadFromCluster(root)));
  }

  /**
   * As a person.
   * @param file not given: $KUBECONFIG, else ~/.kube/config, else the service account of the pod
   * @param context not given: the file's current one
   * @throws ShadowtapError KUBE_CONFIG
   */
  static fromKubeconfig(file?: string, context?: string): ApiClient {
    const load = (config: KubeConfig): void => {
      if (file === undefined) loadDefault(config);
      else config.loadFromFile(file);
      if (context === undefined) return;
      if (config.getContextObject(context) === null) throw new Error(`it has no context ${JSON.stringify(context)}`);
      config.setCurrentContext(context);
    };
    return new ApiClient(() => configOf(file ?? '($KUBECONFIG or ~/.kube/config)', load));
  }

  /** How far the server's clock is ahead of ours, milliseconds, by its last answer; 0 where that cannot be told from none. */
  get clockSkewMs(): number {
    return this.#clockSkewMs;
  }

  /** @returns the JSON of the answer; null where it has none @throws ApiError, ShadowtapError KUBE_CONFIG */
  call(request: ApiRequest): Promise<unknown> {
    return inTime(request, async (late) => {
      const { body } = await this.#send(request, late, 0);
      try {
        const text = await bodyText(body);
        return text === '' ? null : JSON.parse(text);
      } catch (cause) {
        throw new ApiError(`cannot ${describe(request)}: the answer broke off or is no JSON (${messageOf(cause)})`, { cause });
      }
    });
  }

  /**
   * Begins a watch.
   * @returns its bytes as they come; to read on throws ApiError where the connection breaks
   * @throws ApiError, ShadowtapError KUBE_CONFIG
   */
  stream(request: StreamRequest): Promise<AsyncIterable<Uint8Array>> {
    return inTime(request, async (late) => {
      const { body } = await this.#send(request, late, request.silenceMs);
      return told(body, describe(request));
    });
  }

  /** Ends what is under way; nothing can be asked afterwards. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the client is closed'));
    await this.#dispatcher?.destroy();
  }

  /**
   * @param late aborts where it takes too long
   * @param silenceMs longest pause within the answer; 0: any
   * @throws ApiError unless the status is a success
   */
  async #send(request: ApiRequest, late: AbortSignal, silenceMs: number): Promise<Response> {
    const { method = 'GET', path, body, contentType = 'application/json' } = request;
    const unwanted = request.signal === undefined ? this.#closed.signal : AbortSignal.any([this.#closed.signal, request.signal]);
    const signal = AbortSignal.any([unwanted, late]);
    const what = describe(request);
    const url = new URL(this.server);
    const { dispatcher, headers } = await this.#authenticated();
    let response: Response;
    try {
      const sent = dispatcher.request({
        origin: url.origin,
        path: `${url.pathname.replace(/\/$/, '')}${path}${search(request)}`,
        method,
        headers: {
          ...request.headers,
          ...headers,
          'user-agent': `shadowtap/${VERSION}`,
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': contentType }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
        // The signal ends what takes too long.
        headersTimeout: 0,
        bodyTimeout: silenceMs,
      });
      response = await unlessAborted(sent, signal);
    } catch (cause) {
      // That nobody wants the answer any more says nothing of the connection.
      if (!unwanted.aborted) this.#forget(dispatcher);
      throw new ApiError(`cannot ${what}: ${this.server} does not answer (${messageOf(cause)})`, { cause });
    }
    this.#readClock(response);
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    // A renewed token, certificate or kubeconfig is taken up by the next request.
    if (statusCode === 401) this.#forget(dispatcher);
    throw apiError(what, statusCode, await jsonOf(response.body), retryAfterMs(response.headers['retry-after']));
  }

  /** @throws ShadowtapError KUBE_CONFIG */
  async #authenticated(): Promise<{ dispatcher: Dispatcher; headers: Record<string, string> }> {
    const config = (this.#config ??= this.#load());
    // Tokens are read again from their files as they are renewed, so headers are asked for each time.
    const context = new RequestContext(this.server, HttpMethod.GET);
    try {
      await config.applySecurityAuthentication(context);
    } catch (cause) {
      this.#config = null;
      throw new ShadowtapError('KUBE_CONFIG', `the credentials for ${this.server} cannot be used: ${messageOf(cause)}`, { cause });
    }
    return { dispatcher: (this.#dispatcher ??= this.#connections(context)), headers: context.getHeaders() };
  }

  /** client-node makes new ones for every context. They hold nothing until they are used. */
  #connections(context: RequestContext): Dispatcher {
    const dispatcher = context.getDispatcher();
    if (dispatcher === undefined) {
      const message = 'the kubeconfig has neither a certificate authority nor a client certificate; give certificate-authority-data or tls-server-name';
      throw new ShadowtapError('KUBE_CONFIG', message);
    }
    return dispatcher;
  }

  /**
   * After a failure the next request takes fresh connections, certificates and tokens; running streams end by themselves.
   * @param failed if others have taken its place already, nothing is done: many requests fail at once
   */
  #forget(failed: Dispatcher): void {
    if (failed !== this.#dispatcher) return;
    this.#dispatcher = null;
    this.#config = null;
    failed.close().catch(() => {});
  }

  #readClock({ headers }: Response): void {
    const date = Date.parse(String(headers['date'] ?? ''));
    if (Number.isNaN(date)) return;
    const skew = date - Date.now();
    this.#clockSkewMs = Math.abs(skew) < SKEW_RESOLUTION_MS ? 0 : skew;
  }
}

function configOf(where: string, load: (config: KubeConfig) => void): KubeConfig {
  const config = new KubeConfig();
  try {
    load(config);
  } catch (cause) {
    throw new ShadowtapError('KUBE_CONFIG', `the kubeconfig ${where} cannot be used: ${messageOf(cause)}`, { cause });
  }
  return config;
}

/** Where there is no kubeconfig at all the library takes a server that nobody named. */
function loadDefault(config: KubeConfig): void {
  config.loadFromDefault();
  if (config.getCurrentContext() === 'loaded-context' && config.getCurrentCluster()?.server === 'http://localhost:8080') throw new Error('there is none');
}

function describe({ method = 'GET', path, query }: ApiRequest): string {
  const verb = query?.['watch'] === undefined ? method.toLowerCase() : 'watch';
  return `${verb} ${path}`;
}

function search({ query = {} }: ApiRequest): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

/** @param work is given a signal that aborts when it takes longer than the request allows */
async function inTime<T>({ timeoutMs = TIMEOUT_MS }: ApiRequest, work: (late: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A request that waits for a connection does not heed its signal until there is one. */
async function unlessAborted<T>(sent: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([sent, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
