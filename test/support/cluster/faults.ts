import type { JsonObject, KubeObject } from './objects.ts';

/** Which requests are meant; what is not given does not matter. */
export interface RequestMatch {
  /** As RBAC names it: get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb?: string;
  /** Plural, such as `pods`. */
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Such as `system:serviceaccount:shadowtap:agent`. */
  readonly user?: string;
}

/** A request that came. */
export interface SeenRequest {
  readonly verb: string;
  /** Empty for paths that are no resources, such as `/version`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: string;
  /** Path and query. */
  readonly target: string;
  /** Status code of the answer; 0 until there is one. */
  readonly status: number;
  /** When it came, in ms of `Date.now()`. */
  readonly at: number;
  /** Tells connections apart. */
  readonly connection: number;
}

/** How the bodies of answers go wrong. What concerns events is for watches only. */
export interface StreamFault {
  /** The connection is reset after that many bytes of the body, wherever in a line or a character that is. */
  readonly cutAfterBytes?: number;
  /** The body is written in pieces of that many bytes, each a chunk of HTTP/1.1 or a DATA frame of HTTP/2. */
  readonly pieceBytes?: number;
  /** Pause after each piece, in ms. */
  readonly pauseMs?: number;
  /** Watches: open, and nothing is ever sent. */
  readonly silent?: boolean;
  /** Watches: bookmarks are sent and nothing else is. */
  readonly bookmarksOnly?: boolean;
  /** Watches: each event comes twice. */
  readonly duplicate?: boolean;
  /** Watches: each event comes that many ms late. */
  readonly delayMs?: number;
}

/** An answer instead of the true one. */
export interface FaultAnswer {
  /** Such as 429, 500, 503. */
  readonly status: number;
  /** Seconds for `Retry-After`. */
  readonly retryAfter?: number;
  /** `reason` of the Status; the usual one by default. */
  readonly reason?: string;
  /** The body as it is, instead of a Status. */
  readonly body?: string;
}

/** Everything that can be made to go wrong, and what the server saw. */
export interface Faults {
  /** Cuts all connections and refuses new ones for that long, or until `available`. Resolves when it is so. */
  unavailable(ms?: number): Promise<void>;
  available(): Promise<void>;
  /** Resets all connections; new ones are taken. */
  resetConnections(): void;
  /** Accepts requests and never answers them, until `clear`. */
  hang(match: RequestMatch, times?: number): void;
  /** Gives an answer to the next requests that match (all, if `times` is left out). */
  answer(match: RequestMatch, answer: FaultAnswer, times?: number): void;
  /** How the bodies of answers to these requests go wrong: watches that are open, and all that come, until `clear`. */
  stream(match: RequestMatch, fault: StreamFault): void;
  /** Ends every fault that `hang`, `answer`, `stream` and `clockSkew` made. */
  clear(): void;

  /**
   * Forgets all old versions: watches from one of them and `continue` tokens get 410 Gone. Open watches go on.
   * @param watchGone how a watch learns of it: as kube-apiserver does, by an ERROR event; or by the status code
   */
  compact(watchGone?: 'event' | 'status'): void;
  /** Sends an ERROR event with 410 to open watches and ends them. @returns to how many */
  expireWatches(match?: RequestMatch): number;
  /** Ends open watches: by a clean end of the body, or by a reset. @returns how many */
  dropWatches(match?: RequestMatch, how?: 'end' | 'reset'): number;
  /** Sends a bookmark now to the open watches that asked for them. @returns to how many */
  bookmark(match?: RequestMatch): number;
  /** Writes these bytes, as they are, into open watches. @returns into how many */
  write(bytes: string | Uint8Array, match?: RequestMatch): number;
  /** Sends an event that never happened to open watches. @returns to how many */
  sendEvent(event: { readonly type: string; readonly object: JsonObject }, match?: RequestMatch): number;

  /** No token that was given out before is known any longer (401). */
  expireTokens(): void;
  /** Writes a new token into the `tokenFile` of every kubeconfig that `kubeconfigOf` gave out. */
  rotateTokens(): Promise<void>;
  /** Moves the server's clock: the Date header and all timestamps it makes. */
  clockSkew(ms: number): void;

  /** Where the proxy finds what a pod listens on: `10.0.0.7:9900` is at `127.0.0.1:40000`. Else it asks the pod's IP. */
  routePod(address: string, target: string): void;

  /**
   * Stores objects without a request for each, their status included: for clusters of many thousands. They must be new,
   * and are in a version that the server has built in or has a definition of.
   */
  load(objects: Iterable<KubeObject>): void;

  /** What came since the start or the last `forgetRequests`. */
  requests(match?: RequestMatch): readonly SeenRequest[];
  forgetRequests(): void;
  /** Watches that are open now. */
  watches(match?: RequestMatch): readonly SeenRequest[];
  /** Connections that are open now. */
  readonly connections: number;
}
