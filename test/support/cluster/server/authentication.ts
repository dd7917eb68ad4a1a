import type { IncomingHttpHeaders } from 'node:http';
import type { PeerCertificate } from 'node:tls';
import type { Clock } from './clock.ts';
import { unauthorized } from './status.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
}

const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Tells who sends a request: by a client certificate (CN is the user, each O a group), or by a service account's token. */
export class Authenticator {
  readonly #store: Store;
  readonly #tokens: Tokens;
  readonly #clock: Clock;

  constructor(store: Store, tokens: Tokens, clock: Clock) {
    this.#store = store;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /**
   * @param certificate the client's, if it has one that our authority signed
   * @throws ApiError 401 for a token that is unknown or expired
   */
  userOf(headers: IncomingHttpHeaders, certificate: PeerCertificate | null): User {
    if (certificate !== null) {
      const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
      const groups = O === undefined ? [] : [O].flat();
      return { name: [CN ?? ''].flat()[0] ?? '', groups: [...groups, 'system:authenticated'] };
    }
    const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ');
    if (scheme.toLowerCase() !== 'bearer' || token === '') return ANONYMOUS;
    return this.#accountOf(token);
  }

  #accountOf(token: string): User {
    const claims = this.#tokens.read(token);
    if (claims === null || claims.expires * 1000 <= this.#clock.now()) throw unauthorized();
    const { namespace, name, uid } = claims;
    const account = this.#store.collection('serviceaccounts').get(`${namespace}/${name}`);
    if (account?.object.metadata.uid !== uid) throw unauthorized();
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    return { name: `system:serviceaccount:${namespace}:${name}`, groups, uid };
  }
}
