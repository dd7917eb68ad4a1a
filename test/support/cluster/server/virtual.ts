import type { JsonObject, KubeObject } from '../objects.ts';
import type { User } from './authentication.ts';
import type { Authorizer } from './authorization.ts';
import type { Clock } from './clock.ts';
import { ApiError, invalid, invalidValue } from './status.ts';
import type { Tokens } from './tokens.ts';

/** Requests that are answered and not stored. */

interface AccessReviewSpec {
  readonly resourceAttributes?: {
    readonly verb?: string;
    readonly group?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly nonResourceAttributes?: { readonly verb?: string; readonly path?: string };
}

/** A SelfSubjectAccessReview (authorization.k8s.io/v1): may I? */
export function reviewAccess(authorizer: Authorizer, user: User, review: JsonObject): JsonObject {
  const { resourceAttributes, nonResourceAttributes } = (review['spec'] ?? {}) as AccessReviewSpec;
  const { verb = '', group = '', resource = '', subresource = '', namespace = '', name = '' } = resourceAttributes ?? {};
  const access =
    nonResourceAttributes === undefined
      ? { verb, group, plural: resource, subresource, namespace, name }
      : { verb: nonResourceAttributes.verb ?? '', path: nonResourceAttributes.path ?? '' };
  return {
    ...review,
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    status: { allowed: authorizer.allows(user, access) },
  };
}

/** Shortest life of a token, in seconds. */
const MIN_EXPIRATION = 600;

/** A TokenRequest (authentication.k8s.io/v1): a token for a service account. */
export function requestToken(tokens: Tokens, clock: Clock, account: KubeObject, request: JsonObject): JsonObject {
  const { expirationSeconds: seconds = 3600 } = (request['spec'] ?? {}) as { expirationSeconds?: number };
  const { namespace = '', name = '', uid = '' } = account.metadata;
  if (seconds < MIN_EXPIRATION) {
    const cause = invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes');
    throw invalid('authentication.k8s.io', 'TokenRequest', '', [cause]);
  }
  const expires = Math.floor(clock.now() / 1000) + seconds;
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace },
    spec: { audiences: ['https://kubernetes.default.svc'], expirationSeconds: seconds },
    status: { token: tokens.issue({ namespace, name, uid, expires }), expirationTimestamp: clock.timestamp(seconds) },
  };
}

/** What of a pod the proxy asks. */
export interface ProxyTarget {
  /** `host:port` */
  readonly address: string;
  readonly scheme: string;
}

/**
 * Reads the name in `pods/{scheme}:{name}:{port}/proxy`.
 * @returns the pod's name, and what follows from its IP address
 */
export function proxyTarget(name: string): { readonly pod: string; target(pod: KubeObject): ProxyTarget } {
  const parts = name.split(':');
  const [scheme, pod = '', port = ''] = parts.length === 3 ? parts : ['http', ...parts];
  return {
    pod,
    target: (object) => {
      const { podIP } = (object['status'] ?? {}) as { podIP?: string };
      if (podIP === undefined) throw new ApiError(400, 'BadRequest', 'address not allowed');
      return { address: `${podIP.includes(':') ? `[${podIP}]` : podIP}:${port || firstPort(object)}`, scheme: scheme || 'http' };
    },
  };
}

function firstPort(pod: KubeObject): number {
  const { containers } = pod['spec'] as { containers: { ports?: { containerPort: number }[] }[] };
  return containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort ?? 80;
}
