import { createHmac } from 'node:crypto';

/**
 * Another idempotency key for copies: the same for the same key, on every node, so that repeated requests are still
 * known as such; and never that of the original. It has the form that servers expect most, a UUID (RFC 9562 version 8).
 */
export class IdempotencyKeys {
  readonly #secret: string;
  readonly #policy: string;

  constructor(secret: string, policy: string) {
    this.#secret = secret;
    this.#policy = policy;
  }

  /** @param key as sent; quotes around it stay (draft-ietf-httpapi-idempotency-key-header) */
  rewrite(key: string): string {
    const quoted = key.length >= 2 && key.startsWith('"') && key.endsWith('"');
    const bare = quoted ? key.slice(1, -1) : key;
    const bytes = createHmac('sha256', this.#secret).update(`${this.#policy}\n${bare}`, 'latin1').digest().subarray(0, 16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x80;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    return quoted ? `"${uuid}"` : uuid;
  }
}
