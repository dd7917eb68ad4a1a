import type { HttpMessage } from '../http/exchange.ts';
import { Histogram } from '../sketch/histogram.ts';
import type { EndpointLoad } from './data.ts';
import { Recent } from './recent.ts';
import { Saturation } from './saturation.ts';

/** What requests of one pod are told apart by. */
export interface SeriesKey {
  readonly port: number;
  readonly method: string;
  readonly template: string;
}

/** What is known of one pod, port, method and path template. Takes about 11 KiB. */
export class Series implements SeriesKey {
  readonly port: number;
  readonly method: string;
  readonly template: string;
  readonly #sinceUs: number;
  /** When its last request ended, microseconds of the tap's clock. */
  lastUs: number;
  /** It is forgotten, or another has absorbed it: what ends counts elsewhere. */
  isDropped = false;
  readonly #statuses: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  #requests = 0;
  #unanswered = 0;
  readonly #firstByte = new Histogram();
  readonly #complete = new Histogram();
  #requestBytes = 0;
  #responseBytes = 0;
  #largestRequest = 0;
  #largestResponse = 0;
  readonly #recent = new Recent();
  readonly #saturation = new Saturation();

  constructor({ port, method, template }: SeriesKey, nowUs: number) {
    this.port = port;
    this.method = method;
    this.template = template;
    this.#sinceUs = nowUs;
    this.lastUs = nowUs;
  }

  get requests(): number {
    return this.#requests;
  }

  /**
   * A request has ended.
   * @param met requests that it met under way, itself included
   * @param status as of HTTP; 0: it got no answer
   */
  ended(request: HttpMessage, response: HttpMessage | null, status: number, met: number): void {
    const endUs = response?.lastUs ?? request.lastUs;
    if (endUs > this.lastUs) this.lastUs = endUs;
    this.#requests++;
    this.#recent.add(endUs, met);
    this.#requestBytes += request.bodyLength;
    if (request.bodyLength > this.#largestRequest) this.#largestRequest = request.bodyLength;
    if (response === null) {
      this.#unanswered++;
      return;
    }
    // RFC 9110 section 15: what is no status is treated as 500.
    this.#statuses[status >= 100 && status < 600 ? ((status / 100) | 0) - 1 : 4]!++;
    this.#responseBytes += response.bodyLength;
    if (response.bodyLength > this.#largestResponse) this.#largestResponse = response.bodyLength;
    // An answer that began before its request had ended took no time that could be told.
    if (!request.complete || response.firstUs < request.lastUs) return;
    const firstByteUs = response.firstUs - request.lastUs;
    this.#firstByte.record(firstByteUs);
    if (response.complete) this.#complete.record(endUs - request.lastUs);
    this.#saturation.add(endUs, met, firstByteUs);
  }

  /** Adds what another has counted, whose template turned out to be this one's. */
  absorb(other: Series): void {
    this.#requests += other.#requests;
    this.#unanswered += other.#unanswered;
    for (const [index, count] of other.#statuses.entries()) this.#statuses[index]! += count;
    this.#firstByte.add(other.#firstByte);
    this.#complete.add(other.#complete);
    this.#requestBytes += other.#requestBytes;
    this.#responseBytes += other.#responseBytes;
    this.#largestRequest = Math.max(this.#largestRequest, other.#largestRequest);
    this.#largestResponse = Math.max(this.#largestResponse, other.#largestResponse);
    this.lastUs = Math.max(this.lastUs, other.lastUs);
  }

  /**
   * @param endpoint the pod's name
   * @param toWallMs makes Unix time in milliseconds of the tap's clock
   */
  data(endpoint: string, nowUs: number, toWallMs: (timeUs: number) => number): EndpointLoad {
    const { rate, mean, most } = this.#recent.load(nowUs);
    return {
      endpoint,
      port: this.port,
      method: this.method,
      template: this.template,
      sinceMs: Math.round(toWallMs(this.#sinceUs)),
      requests: this.#requests,
      rate,
      statuses: [...this.#statuses],
      unanswered: this.#unanswered,
      firstByte: this.#firstByte.sparse(),
      complete: this.#complete.sparse(),
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
      largestRequest: this.#largestRequest,
      largestResponse: this.#largestResponse,
      concurrency: { mean, most },
      saturation: this.#saturation.value(),
    };
  }
}
