import { TOKEN } from '../../policy/names.ts';

const NAME = new RegExp(TOKEN);

/**
 * Fields that a proxy writes, changes or takes away by itself: those of the connection (RFC 9110 section 7.6.1), of the
 * way that a request has come, and of traces. What a rule saw in them may not be what the pod gets.
 */
const CHANGED = new Set([
  'connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'content-length', 'grpc-timeout',
  'via', 'forwarded', 'x-real-ip', 'x-request-id', 'b3', 'traceparent', 'tracestate',
]);
const CHANGED_BEGINNINGS = ['proxy-', 'x-forwarded-', 'x-envoy-', 'x-b3-'];

/** @returns why a condition on this header says nothing at the pod, or null */
export function headerProblem(name: string): string | null {
  if (!NAME.test(name)) return 'is not the name of a header';
  const lower = name.toLowerCase();
  const isChanged = CHANGED.has(lower) || CHANGED_BEGINNINGS.some((beginning) => lower.startsWith(beginning));
  return isChanged ? 'is written or taken away by proxies, so that the pod may get another' : null;
}
