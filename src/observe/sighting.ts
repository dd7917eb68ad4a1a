import type { Exchange } from '../http/exchange.ts';
import { isGrpc } from '../http/grpc.ts';
import type { PathTemplates } from '../sketch/path-templates.ts';
import type { Pod } from './pod.ts';
import type { Series } from './series.ts';

/** RFC 9110 section 9, PATCH (RFC 5789), QUERY, and those of WebDAV that are in use. */
const METHODS: ReadonlyMap<string, string> = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK', 'REPORT', 'SEARCH'].map((method) => [method, method]),
);
/** Any other method. */
const OTHER_METHOD = '(other)';

/** What a request's method is called where it is told or counted by: clients may send any. One object for all that are equal. */
export function usualMethod(method: string): string {
  return METHODS.get(method) ?? OTHER_METHOD;
}

/**
 * What all onlookers share of one exchange; made once, when its request's head is there, and left in `exchange.sighting`. It
 * keeps nothing of the head alive: who needs the target or headers reads them in onRequestHead. Times, lengths and status stay in
 * the exchange's messages to the end.
 */
export class Sighting {
  /** The endpoint's number in the snapshot. */
  readonly endpoint: number;
  readonly port: number;
  /** One of a few, or `(other)`. */
  readonly method: string;
  /** As `PathTemplates.of` gave it; one object for all that are equal. */
  readonly template: string;
  /** Address of the client, in text form. */
  readonly client: string;
  /** A call of gRPC: its outcome is in `grpcStatus`. */
  readonly isGrpc: boolean;
  /** Time of the request's first byte, microseconds of the tap's clock. */
  readonly startUs: number;
  /** The status of a call of gRPC, -1 where it is not known (yet). Kept by the Observer. */
  grpcStatus = -1;
  /** For the Observer: where it is under way, and what it counts in; null where it does not count. */
  pod: Pod | null = null;
  series: Series | null = null;
  /** For the Observer: requests under way on its pod when it came, itself included. */
  met = 0;
  /** For the Observer: the capture lost it. */
  isLost = false;
  /** For the watchman's own use. */
  note: unknown = null;

  constructor(exchange: Exchange, templates: PathTemplates) {
    const { flow, protocol } = exchange;
    const request = exchange.request!;
    this.endpoint = flow.endpoint;
    this.port = flow.serverPort;
    this.method = usualMethod(request.method);
    this.template = templates.of(request.target);
    this.client = flow.clientAddress;
    this.isGrpc = protocol === 'h2' && request.method === 'POST' && isGrpc(request.headers);
    this.startUs = request.firstUs;
  }
}

/** Its sighting; null where its request's head was never seen, or was of no use. */
export function sightingOf({ sighting }: Exchange): Sighting | null {
  return sighting instanceof Sighting ? sighting : null;
}
