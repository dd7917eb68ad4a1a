import { messageOf } from '../errors.ts';
import { ApiError } from './api-error.ts';

/** Reading what an API server answers, within bounds. */

/** Lists are far smaller; an answer beyond it is not from an API server of ours. */
const MAX_BODY_BYTES = 256 << 20;
/** A `Retry-After` beyond it would keep the agent from what it is there for. */
const MAX_RETRY_AFTER_MS = 300_000;

/** @throws Error where it breaks off or is too long */
export async function bodyText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`it is larger than ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts, bytes).toString();
}

/** The body of an error; null where that is no JSON. */
export async function jsonOf(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  try {
    return JSON.parse(await bodyText(body));
  } catch {
    return null;
  }
}

/** The bytes of a watch as they come. @param what was asked, for the message @throws ApiError where they break off */
export async function* told(body: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new ApiError(`cannot ${what} any longer: the answer broke off (${messageOf(cause)})`, { cause });
  }
}

/** How long the server asks to be left alone, milliseconds. Kubernetes gives seconds; a date, which HTTP allows too, is not looked at. */
export function retryAfterMs(header: unknown): number {
  const seconds = Number(header ?? 0);
  return Number.isNaN(seconds) ? 0 : Math.min(Math.max(0, seconds * 1000), MAX_RETRY_AFTER_MS);
}
