import type { HttpRequest } from '../http/exchange.ts';
import { flatCopy } from '../mirror/flat-copy.ts';
import { isHeader } from '../policy/request-view.ts';
import { RequestTarget } from '../policy/request-target.ts';
import type { Sighting } from '../observe/sighting.ts';
import type { Note } from './note.ts';
import { Inspector, type Hit } from './probe/inspector.ts';
import { AGENT, HEADER, PATH, QUERY } from './probe/probe.ts';
import type { RuleId } from './rules.ts';
import type { KeyedHash } from './watch/keyed-hash.ts';

/** What usual servers take: Node 16 KiB, Apache and nginx 8 a line. */
const LARGE_HEAD = 16 << 10;
const MAX_KEPT_AGENT = 256;

/** Everybody uses these. */
const USUAL_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
/** Nobody uses these but to look for weaknesses: they show what proxies add, or begin a debugger. */
const DEBUG_METHODS: ReadonlySet<string> = new Set(['TRACE', 'TRACK', 'DEBUG']);
const LOGIN = /(?:^|[/_.-])(?:log-?[io]n|sign-?in|auth(?:enticate|orize|n|z)?|oauth2?|sessions?|tokens?|passwords?)(?:$|[/_.-])/i;

/** What a finding says of the request: a method of a few, and a template. What it sent as its method may be anything. */
type Place = Pick<Sighting, 'method' | 'template'>;
/** @param evidence in our own words */
type Found = (rule: RuleId, note: Note, method: string, template: string, evidence: string) => void;

/** Looks at a request's head, once: for what is wrong with it, and for what its answer will be judged with. */
export class Examiner {
  readonly #hash: KeyedHash;
  readonly #found: Found;
  readonly #inspector = new Inspector();
  readonly #target = new RequestTarget();

  constructor(hash: KeyedHash, found: Found) {
    this.#hash = hash;
    this.#found = found;
  }

  /** Fills in the note. */
  examine(request: HttpRequest, note: Note, place: Place): void {
    note.length = request.declaredLength;
    this.#lookAtTarget(request, note, place);
    this.#lookAtHeaders(request, note, place);
    this.#lookAtMethod(request, note, place);
    if (request.headBytes > LARGE_HEAD) this.#found('oversized-head', note, place.method, place.template, 'a head of more than 16 KiB');
  }

  #lookAtTarget(request: HttpRequest, note: Note, place: Place): void {
    const target = this.#target;
    target.read(request.target);
    const { path } = target;
    note.path = this.#hash.of(path);
    note.target = request.target === path ? note.path : this.#hash.of(request.target);
    this.#take(this.#inspector.inspect(path, PATH), note, place);
    const { query } = target;
    if (query.length > 1) this.#take(this.#inspector.inspect(query.slice(1), QUERY), note, place);
    // RFC 9110 section 4.2.4: user and password in a target are deprecated.
    if (target.hasUserInfo) this.#found('secret-in-url', note, place.method, place.template, 'user and password in the target');
  }

  /** Of the headers that are known for it everything is looked at, of others what cannot hide. */
  #lookAtHeaders(request: HttpRequest, note: Note, place: Place): void {
    const { headers } = request;
    if (request.authority !== '') note.host = this.#hash.of(request.authority);
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]!;
      const value = headers[i + 1]!;
      switch (name.length) {
        case 4:
          if (isHeader(name, 'host')) note.host = this.#hash.of(value);
          break;
        case 6:
          if (isHeader(name, 'cookie')) note.isKnown = true;
          break;
        case 10:
          if (!isHeader(name, 'user-agent')) break;
          this.#lookAtAgent(value, note, place);
          continue;
        case 12:
          if (isHeader(name, 'content-type')) this.#take(this.#inspector.inspect(value, HEADER, 'Content-Type'), note, place);
          continue;
        case 13:
          if (!isHeader(name, 'authorization')) break;
          note.hasCredential = true;
          note.isKnown = true;
          note.credential = this.#hash.of(value);
          continue;
        case 15:
          if (isHeader(name, 'x-forwarded-for')) this.#take(this.#inspector.inspect(value, HEADER, 'X-Forwarded-For'), note, place);
          break;
        case 16:
          if (isHeader(name, 'x-forwarded-host')) this.#take(this.#inspector.inspect(value, HEADER, 'X-Forwarded-Host'), note, place);
          break;
      }
      if (value.includes('${') || value.includes('() {')) this.#take(this.#inspector.inspect(value, HEADER, 'a header'), note, place);
    }
  }

  /** A client says the same of itself each time: that is looked at once. */
  #lookAtAgent(value: string, note: Note, place: Place): void {
    const { source } = note;
    if (value === source.harmlessAgent) return;
    const hits = this.#inspector.inspect(value, AGENT, 'User-Agent');
    if (hits === null && value.length < MAX_KEPT_AGENT) source.harmlessAgent = flatCopy(value);
    if (hits === null) return;
    // What a client calls itself concerns no path.
    const [own, others] = [hits.filter(({ rule }) => rule === 'scanner-agent'), hits.filter(({ rule }) => rule !== 'scanner-agent')];
    for (const { rule, evidence } of own) this.#found(rule, note, '', '', evidence);
    this.#take(others, note, place);
  }

  #lookAtMethod({ method }: HttpRequest, note: Note, place: Place): void {
    if (method === 'POST') note.isLogin = LOGIN.test(place.template);
    if (USUAL_METHODS.has(method)) return;
    if (DEBUG_METHODS.has(method)) this.#found('unusual-method', note, place.method, place.template, `${method}: made for debugging`);
    else note.isOddMethod = true;
  }

  #take(hits: readonly Hit[] | null, note: Note, place: Place): void {
    if (hits === null) return;
    for (const { rule, evidence } of hits) {
      if (rule === 'sensitive-file') note.sensitive = evidence;
      this.#found(rule, note, place.method, place.template, evidence);
    }
  }
}
