import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Answer } from './answer.ts';
import type { Clock } from './clock.ts';
import { ApiError } from './status.ts';

const GZIP_FROM_BYTES = 128 << 10;

/** The headers of every answer. */
export function headersOf(clock: Clock, contentType = 'application/json'): OutgoingHttpHeaders {
  return {
    'audit-id': randomUUID(),
    'cache-control': 'no-cache, private',
    'content-type': contentType,
    date: new Date(clock.now()).toUTCString(),
  };
}

/** Sends a whole answer; a long one is compressed where the client allows it, as kube-apiserver does. */
export async function respond(
  answer: Answer,
  request: IncomingHttpHeaders,
  status: number,
  headers: OutgoingHttpHeaders,
  text: string,
): Promise<void> {
  const plain = Buffer.from(text);
  const zips = plain.length >= GZIP_FROM_BYTES && /\bgzip\b/.test(String(request['accept-encoding'] ?? ''));
  const body = zips ? gzipSync(plain, { level: 1 }) : plain;
  answer.head(status, { ...headers, 'content-length': body.length, ...(zips && { 'content-encoding': 'gzip', vary: 'accept-encoding' }) });
  answer.write(body);
  await answer.end();
}

/**
 * Whether the client takes JSON.
 * @throws ApiError 406 if it takes, say, protobuf alone
 */
export function requireJson(accept: string | undefined): void {
  const types = (accept ?? '*/*').split(',').map((part) => part.trim());
  const isJson = ({ type, parameters }: { type: string | undefined; parameters: string[] }): boolean =>
    ['application/json', 'application/*', '*/*', ''].includes(type ?? '') &&
    !parameters.some((parameter) => parameter.trim().startsWith('as='));
  const takes = types.some((text) => {
    const [type, ...parameters] = text.split(';');
    return isJson({ type: type?.trim(), parameters });
  });
  if (takes) return;
  throw new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
}
