import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { KubeObject } from '../objects.ts';
import type { Answer } from './answer.ts';
import type { RequestInfo } from './request.ts';
import { ApiError } from './status.ts';
import { proxyTarget } from './virtual.ts';

/** Headers of one connection, which a proxy does not pass on (RFC 9110 §7.6.1), and those that say who is asking. */
const NOT_PASSED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'host', 'authorization', 'content-length']);

/** `pods/{name}:{port}/proxy/{path}`: what the pod itself answers. */
export class PodProxy {
  /** `ip:port` of a pod, and where it is instead. */
  readonly routes = new Map<string, string>();

  async forward(
    find: (pod: string) => KubeObject,
    info: RequestInfo,
    message: IncomingMessage,
    answer: Answer,
    body: string,
  ): Promise<void> {
    const { pod, target } = proxyTarget(info.name);
    const { address, scheme } = target(find(pod));
    const query = info.params.size > 0 ? `?${info.params.toString()}` : '';
    const url = `${scheme}://${this.routes.get(address) ?? address}${info.rest || '/'}${query}`;
    const response = await ask(url, message, body).catch((error: Error) => {
      throw new ApiError(503, 'ServiceUnavailable', `error trying to reach service: ${error.message}`);
    });
    answer.head(response.statusCode ?? 502, passed(response.headers));
    for await (const chunk of response) answer.write(chunk as Buffer);
    await answer.end();
  }
}

function ask(url: string, { method, headers }: IncomingMessage, body: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // The API server does not check the certificates of pods.
  const options = { method, headers: passed(headers), timeout: 30_000, rejectUnauthorized: false };
  const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, options, resolve);
  request.on('error', reject);
  request.on('timeout', () => request.destroy(new Error('i/o timeout')));
  request.end(body);
  return promise;
}

function passed(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_PASSED.has(name) && !name.startsWith(':')));
}
