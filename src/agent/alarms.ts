import type { Finding } from '../findings/data.ts';
import { RULES, type RuleId } from '../findings/rules.ts';
import type { Logger } from '../log.ts';
import { TokenBucket } from '../mirror/token-bucket.ts';
import type { Webhook } from './webhook.ts';

/** Lines of the log: so many at once, and then so many a second. */
const LOG_LIMIT = { burst: 20, perSecond: 1 / 3 };

/** Tells of what workers have found: in the log, at a bounded rate, and to a webhook. Nothing that a client sent is in it but what `Finding` has. */
export class Alarms {
  readonly #log: Logger;
  readonly #webhook: Webhook | null;
  readonly #bucket = new TokenBucket(LOG_LIMIT);
  #logged = 0;
  #unlogged = 0;
  /** Of those, how many since the last line. */
  #skipped = 0;

  constructor(log: Logger, webhook: Webhook | null) {
    this.#log = log;
    this.#webhook = webhook;
  }

  heard(findings: readonly Finding[]): void {
    for (const finding of findings) {
      this.#write(finding);
      this.#webhook?.offer(finding);
    }
  }

  /** For metrics. */
  addCounters(into: Record<string, number>): void {
    into['findings.log.written'] = this.#logged;
    into['findings.log.left-out'] = this.#unlogged;
    this.#webhook?.addCounters(into);
  }

  async stop(): Promise<void> {
    await this.#webhook?.stop();
  }

  #write({ rule, severity, endpoint, source, method, template, evidence, count }: Finding): void {
    if (!this.#bucket.take(performance.now())) {
      this.#unlogged += 1;
      this.#skipped += 1;
      return;
    }
    const skipped = this.#skipped > 0 ? { leftOut: this.#skipped } : {};
    this.#skipped = 0;
    this.#logged += 1;
    this.#log.warn({ rule, severity, endpoint, source, method, template, evidence, count, ...skipped }, `finding: ${Object.hasOwn(RULES, rule) ? RULES[rule as RuleId].sees : rule}`);
  }
}
