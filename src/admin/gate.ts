import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { FailureLimit } from './failure-limit.ts';

/** `locked`: wrong tokens came from the viewer's address so often that none of it is looked at for a while. */
export type Judgement = 'trusted' | 'untrusted' | 'locked';

/** What the API server's proxy lets through, where it keeps `Authorization` for itself. */
const TOKEN_HEADER = 'x-shadowtap-token';
const COOKIE = 'shadowtap_session';
const SESSION_MS = 12 * 3_600_000;
/** Put in by proxies: the viewer is somewhere else than the connection comes from. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Decides who may see values of the traffic. With a token: who has it. Without one: who is on this machine and nowhere else, which
 * is believed only where the port listens on loopback addresses, the connection comes from one, no proxy stands between, and
 * the request is for this machine by a name of its own: a name that somebody else has pointed at 127.0.0.1 (DNS rebinding) is none.
 */
export class Gate {
  readonly #token: Buffer | null;
  readonly #sessionKey: string;
  readonly #failures: FailureLimit;
  readonly #now: () => number;

  /** @param token null: loopback is trusted */
  constructor(token: string | null, now: () => number = Date.now) {
    this.#token = token === null ? null : digest(token);
    this.#sessionKey = `shadowtap session ${token ?? ''}`;
    this.#now = now;
    this.#failures = new FailureLimit(now);
  }

  /** There is something to log in with. */
  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** @param loopbackOnly whether the port that it came to listens on loopback addresses only */
  judge(request: IncomingMessage, loopbackOnly: boolean): Judgement {
    if (this.#token === null) return loopbackOnly && isFromHere(request) ? 'trusted' : 'untrusted';
    const given = tokenOf(request);
    if (given !== null) return this.judgeToken(given, request);
    return isOwnSite(request) && this.#isSession(cookieOf(request)) ? 'trusted' : 'untrusted';
  }

  /** Looks at a token that was given, and remembers a wrong one. */
  judgeToken(given: string, { socket }: IncomingMessage): Judgement {
    const address = socket.remoteAddress ?? '';
    if (this.#token === null) return 'untrusted';
    if (this.#failures.isOver(address)) return 'locked';
    if (timingSafeEqual(digest(given), this.#token)) return 'trusted';
    this.#failures.add(address);
    return 'untrusted';
  }

  /**
   * A cookie by which the viewer is known from now on. It is made of the token but does not tell it, and holds for as long as the
   * token does, twelve hours at most, over restarts as well.
   */
  sessionCookie(): string {
    const until = String(this.#now() + SESSION_MS);
    return `${COOKIE}=${until}.${this.#sign(until)}; Path=/; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Strict`;
  }

  #isSession(cookie: string): boolean {
    const [until = '', signature = ''] = cookie.split('.');
    if (!/^\d{1,15}$/.test(until) || Number(until) <= this.#now()) return false;
    return timingSafeEqual(digest(signature), digest(this.#sign(until)));
  }

  #sign(until: string): string {
    return createHmac('sha256', this.#sessionKey).update(until).digest('base64url');
  }
}

/** Whether a listener's address is one of this machine alone. */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (isIPv4(plain)) return LOOPBACK.check(plain, 'ipv4');
  return isIPv6(plain) && LOOPBACK.check(plain, 'ipv6');
}

function isFromHere(request: IncomingMessage): boolean {
  const { socket, headers } = request;
  if (!isLoopback(socket.remoteAddress ?? '') || !isOwnSite(request)) return false;
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].some((name) => headers.host === `${name}:${socket.localPort}`);
}

/** Asked for by the user or by the page itself, as far as a browser says (W3C Fetch Metadata); other programs say nothing. */
function isOwnSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'none' || site === 'same-origin';
}

function tokenOf({ headers }: IncomingMessage): string | null {
  const header = headers[TOKEN_HEADER];
  if (typeof header === 'string') return header;
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

function cookieOf({ headers }: IncomingMessage): string {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
}

/** Of one length whatever it is of, so that comparing takes one time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
