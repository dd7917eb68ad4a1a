import { backendService, serviceHost } from '../policy/backend.ts';
import type { MirrorPolicy, MirrorTarget } from '../policy/schema.ts';

/**
 * What a target is called in metrics and plans: its `url`; `http://name.namespace.svc:port` for a Service, whatever its
 * endpoints are (`https` with `tls`, and a port that is the scheme's own left out); or a `file:` URL.
 */
export function addressOf(policy: MirrorPolicy, target: MirrorTarget): string {
  const service = backendService(policy, target);
  if (service === null) return target.url ?? `file://${target.file?.path ?? ''}`;
  return new URL(`${target.tls === undefined ? 'http' : 'https'}://${serviceHost(service)}:${service.port}`).origin;
}
