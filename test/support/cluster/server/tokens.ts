import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a token of a service account says. */
export interface TokenClaims {
  readonly namespace: string;
  readonly name: string;
  /** Of the service account: a new one of the same name does not inherit tokens. */
  readonly uid: string;
  /** Seconds since the epoch. */
  readonly expires: number;
}

/** Makes and reads tokens of service accounts: JWTs (RFC 7519) that this server alone can check. */
export class Tokens {
  #key = randomBytes(32);

  issue(claims: TokenClaims): string {
    const { namespace, name, uid, expires } = claims;
    const payload = {
      iss: 'https://kubernetes.default.svc',
      aud: ['https://kubernetes.default.svc'],
      sub: `system:serviceaccount:${namespace}:${name}`,
      exp: expires,
      jti: randomBytes(8).toString('hex'),
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
    };
    const text = [{ alg: 'HS256', typ: 'JWT' }, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${this.#sign(text).toString('base64url')}`;
  }

  /** @returns null for a token that we did not issue, or no longer know */
  read(token: string): TokenClaims | null {
    const dot = token.lastIndexOf('.');
    if (dot < 0) return null;
    const signature = Buffer.from(token.slice(dot + 1), 'base64url');
    const expected = this.#sign(token.slice(0, dot));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return null;
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Payload;
    const { namespace, serviceaccount } = payload['kubernetes.io'];
    return { namespace, ...serviceaccount, expires: payload.exp };
  }

  /** No token that was issued before is known any longer. */
  forgetAll(): void {
    this.#key = randomBytes(32);
  }

  #sign(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

interface Payload {
  readonly exp: number;
  readonly 'kubernetes.io': { readonly namespace: string; readonly serviceaccount: { readonly name: string; readonly uid: string } };
}
