import { lookup } from 'node:dns';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { WebhookSettings } from '../config.ts';
import { isMetadataAddress } from '../config/metadata-address.ts';
import { messageOf } from '../errors.ts';
import type { Finding } from '../findings/data.ts';
import { SEVERITIES } from '../findings/rules.ts';
import type { Logger } from '../log.ts';

/** What is sent, as JSON. */
export interface WebhookMessage {
  /** Version of this format. */
  readonly version: 1;
  /** Name of the node, or of the host. */
  readonly node: string;
  readonly findings: readonly Finding[];
}

export interface WebhookOptions extends WebhookSettings {
  readonly node: string;
  readonly log: Logger;
  /** For tests: pauses are as many times shorter. */
  readonly hurry?: number;
}

/** Findings that wait; more are left out, counted. */
const MAX_WAITING = 256;
const MAX_BATCH = 64;
const TIMEOUT_MS = 5_000;
/** Findings come in bursts: a batch waits for others so long. */
const GATHER_MS = 1_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Then a batch is given up. */
const MAX_TRIES = 6;

/**
 * Sends findings to somebody who acts on them. One request at a time, each with a deadline; what fails is tried again with
 * growing pauses and then given up, and what does not fit is left out: all counted. Certificates are checked, redirects are not
 * followed, and no name leads to a metadata service.
 */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #least: number;
  readonly #waiting: Finding[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #tries = 0;
  #stopped = false;
  #sent = 0;
  #failed = 0;
  #leftOut = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#least = SEVERITIES.indexOf(options.minSeverity);
  }

  offer(finding: Finding): void {
    if (this.#stopped || SEVERITIES.indexOf(finding.severity) < this.#least) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#leftOut += 1;
      return;
    }
    this.#waiting.push(finding);
    this.#later(GATHER_MS);
  }

  addCounters(into: Record<string, number>): void {
    into['findings.webhook.sent'] = this.#sent;
    into['findings.webhook.failed'] = this.#failed;
    into['findings.webhook.left-out'] = this.#leftOut;
  }

  /** What waits is sent once more, if that goes at once. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#sending;
    if (this.#waiting.length > 0 && this.#tries === 0) await this.#send();
    this.#failed += this.#waiting.length;
    this.#waiting.length = 0;
  }

  #later(pauseMs: number): void {
    if (this.#timer !== null || this.#sending !== null || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sending = this.#send().finally(() => {
        this.#sending = null;
        if (this.#waiting.length > 0) this.#later(this.#tries === 0 ? GATHER_MS : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#tries - 1)));
      });
    }, pauseMs / (this.#options.hurry ?? 1));
    this.#timer.unref();
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.slice(0, MAX_BATCH);
    const message: WebhookMessage = { version: 1, node: this.#options.node, findings: batch };
    try {
      await post(this.#options, JSON.stringify(message));
      this.#waiting.splice(0, batch.length);
      this.#sent += batch.length;
      this.#tries = 0;
    } catch (error) {
      this.#tries += 1;
      if (this.#tries === 1) this.#options.log.warn({ problem: messageOf(error) }, 'findings could not be sent to the webhook; it is tried again');
      if (this.#tries < MAX_TRIES) return;
      this.#waiting.splice(0, batch.length);
      this.#failed += batch.length;
      this.#tries = 0;
    }
  }
}

/** Resolves once it was answered with a status of success. */
function post({ url, headers }: WebhookOptions, body: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const target = new URL(url);
  const options: RequestOptions = {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'shadowtap' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    lookup: lookupElsewhere,
    agent: false,
  };
  const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options, (response) => {
    const { statusCode = 0 } = response;
    // What it says is of no interest, but for the status.
    response.destroy();
    if (statusCode >= 200 && statusCode < 300) resolve();
    else reject(new Error(`it answers with status ${statusCode}`));
  });
  request.once('error', reject);
  request.end(body);
  return promise;
}

/** Addresses of a name without those of metadata services; fails where none is left. */
export const lookupElsewhere: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '');
    const good = addresses.filter(({ address }) => isIP(address) !== 0 && !isMetadataAddress(address));
    const [first] = good;
    if (first === undefined) return callback(new Error(`${hostname} is a link-local address or a metadata service`), '');
    if (options.all === true) callback(null, good);
    else callback(null, first.address, first.family);
  });
};
