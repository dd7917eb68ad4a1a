import { TOKEN } from '../../policy/names.ts';

const NAME = new RegExp(TOKEN);

/**
 * Fields that a proxy writes, changes or takes away by itself: those of the connection (RFC 9110 section 7.6.1), of the
 * way that a request has come, and of traces. What a rule saw in them may not be what the pod gets.
 */
const CHANGED = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-length|via|forwarded|x-forwarded-.*|x-real-ip|x-request-id|x-envoy-.*|x-b3-.*|b3|traceparent|tracestate)$/i;

/** @returns why a condition on this header says nothing at the pod, or null */
export function headerProblem(name: string): string | null {
  if (!NAME.test(name)) return 'is not the name of a header';
  return CHANGED.test(name) ? 'is written or taken away by proxies, so that the pod may get another' : null;
}
