import { createHmac, randomBytes } from 'node:crypto';

/** Keys of all hashes that policies ask for. Secret: never logged or shown. */
export interface HashKeys {
  /**
   * For choices that every node must make alike: sticky samples, rewritten idempotency keys. Without a configured secret
   * it is a constant: the choices are still the same everywhere, though anybody can compute them.
   */
  readonly stable: string;
  /**
   * For hashes that must not be turned back into what was hashed: redaction. Without a configured secret it is random
   * and lives as long as the process: equal values stay equal within one agent.
   */
  readonly secret: string;
}

const PROCESS_SECRET = randomBytes(32).toString('base64url');

/** @param secret what the configuration gives, the same for all agents that shall agree; null where it gives none */
export function hashKeys(secret: string | null): HashKeys {
  return {
    stable: derived(secret ?? 'shadowtap', 'stable'),
    secret: derived(secret ?? PROCESS_SECRET, 'secret'),
  };
}

function derived(secret: string, purpose: string): string {
  return createHmac('sha256', secret).update(purpose).digest('base64url');
}
