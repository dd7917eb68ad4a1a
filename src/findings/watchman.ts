import type { Exchange } from '../http/exchange.ts';
import { sightingOf, type Sighting } from '../observe/sighting.ts';
import type { SnapshotEndpoint } from '../policy/snapshot.ts';
import { isDenial, isFailedLogin, isPage, isRefusal } from './answers.ts';
import type { Finding, FindingsData } from './data.ts';
import { Examiner } from './examiner.ts';
import { FindingList } from './finding-list.ts';
import { lossOf } from './loss-rules.ts';
import { Note } from './note.ts';
import type { RuleId } from './rules.ts';
import { EndpointWatch, WINDOW_SECONDS, type WindowAlarms } from './watch/endpoint-watch.ts';
import { KeyedHash } from './watch/keyed-hash.ts';
import { DENIED_RULES, FAULT_RULES, LOGIN_RULES, REFUSED_RULES, type SourceRule } from './watch/source-rules.ts';
import { SourceTable } from './watch/source-table.ts';
import type { SourceWatch } from './watch/source-watch.ts';

export interface WatchmanOptions {
  /** Microseconds of the tap's clock to Unix time in milliseconds. */
  readonly toWallMs: (timeUs: number) => number;
  /** What has become of a path template meanwhile. */
  readonly fold: (template: string) => string;
  /** How long what is usual is learnt before a flood is called one. Five minutes by default. */
  readonly learnSeconds?: number;
  /** Workers among which connections are shared out. */
  readonly workers?: number;
  /** Sources that are remembered, of all endpoints together. */
  readonly maxSources?: number;
}

const LEARN_SECONDS = 300;
const MAX_SOURCES = 4096;

/** A template with something in it that is surely an id or the like; `{value}` and `{more}` may be anything. */
const ID = /\{(?!value\}|more\})/;

/**
 * Looks on at exchanges and tells attacks and faults from them by their heads alone, with memory and time that are bounded
 * whatever is sent. It keeps hashes under a key of its own, counts, and addresses; what it says of a request are words of its own.
 */
export class Watchman implements WindowAlarms {
  readonly #options: WatchmanOptions;
  readonly #list = new FindingList();
  readonly #hash = new KeyedHash();
  readonly #examiner = new Examiner(this.#hash, (rule, note, method, template, evidence) => this.#report(rule, note.source.endpoint, note.source.address, method, template, evidence));
  readonly #sources: SourceTable;
  readonly #endpoints = new Map<number, EndpointWatch<SourceWatch>>();
  /** Of the observed endpoints, by number. */
  #names: ReadonlyMap<number, string> = new Map();
  /** Time that was seen last, microseconds. */
  #lastUs = 0;

  constructor(options: WatchmanOptions) {
    this.#options = options;
    this.#sources = new SourceTable(options.maxSources ?? MAX_SOURCES, this.#hash);
  }

  /** What was learnt of endpoints that are no longer observed is forgotten. */
  configure(endpoints: readonly Pick<SnapshotEndpoint, 'id' | 'name' | 'observed'>[]): void {
    this.#names = new Map(endpoints.filter(({ observed }) => observed !== null).map(({ id, name }) => [id, name]));
    for (const [id, endpoint] of this.#endpoints) {
      if (this.#names.get(id) === endpoint.name) continue;
      this.#sources.forget(endpoint);
      this.#endpoints.delete(id);
    }
  }

  onRequestHead(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    const request = exchange.request!;
    // What was joined in its middle may turn out never to have been.
    if (sighting === null || !exchange.confirmed) return;
    const source = this.#sourceOf(sighting, request.firstUs);
    if (source === null) return;
    this.#countRequest(source);
    const note = new Note(source);
    sighting.note = note;
    this.#examiner.examine(request, note, sighting);
  }

  onRequest(): void {}

  onRequestLost(exchange: Exchange, outcome: string, reason: string): void {
    const sighting = sightingOf(exchange);
    const loss = lossOf(outcome, reason);
    const isConnect = reason === 'connect';
    if (sighting === null || (loss === null && !isConnect)) return;
    const request = exchange.request!;
    const source = this.#sourceOf(sighting, Math.max(request.firstUs, request.lastUs));
    if (source === null) return;
    if (sighting.note === null) this.#countRequest(source);
    if (loss !== null) this.#add(loss.rule, source, sighting, loss.evidence);
    // A proxy grants it; who refuses it was taken for one.
    if (isConnect) sighting.note = Object.assign(new Note(source), { isOddMethod: true });
  }

  onResponseHead(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    const note = sighting?.note;
    const response = exchange.response;
    if (!(note instanceof Note) || response === null || sighting === null) return;
    const { source } = note;
    const { status } = response;
    this.#at(response.firstUs, source.endpoint);
    source.advance();
    source.answered += 1;
    source.endpoint.answered += 1;
    if (note.hasCredential) source.credentialed += 1;
    if (note.isLogin) source.logins += 1;
    if (status < 400) {
      if (note.sensitive !== '' && status < 300 && !isPage(response)) this.#add('exposed-file', source, sighting, `${note.sensitive}, answered with ${status}`);
      return;
    }
    if (status >= 500) this.#onFault(status, note, sighting);
    else this.#onDenial(status, note, sighting);
  }

  onResponse(): void {}

  onExchangeEnd(): void {}

  /** What is new since the last call, or has grown tenfold since it was told. */
  news(): Finding[] {
    return this.#list.news();
  }

  data(): FindingsData {
    return this.#list.data(this.#options.fold);
  }

  flood(endpoint: EndpointWatch, count: number, level: number): void {
    this.#report('request-flood', endpoint, '', '', '', `${count} requests in ${WINDOW_SECONDS} s; usual are ${Math.ceil(level)}`);
  }

  failedLogins(endpoint: EndpointWatch, count: number, sources: number): void {
    this.#report('credential-stuffing', endpoint, '', '', '', `${count} failed logins in ${WINDOW_SECONDS} s, of about ${sources} clients`);
  }

  #sourceOf(sighting: Sighting, timeUs: number): SourceWatch | null {
    const endpoint = this.#endpoints.get(sighting.endpoint) ?? this.#newEndpoint(sighting.endpoint);
    if (endpoint === null) return null;
    this.#at(timeUs, endpoint);
    const source = this.#sources.of(endpoint, sighting.client);
    source.advance();
    return source;
  }

  #newEndpoint(id: number): EndpointWatch<SourceWatch> | null {
    const name = this.#names.get(id);
    if (name === undefined) return null;
    const { learnSeconds = LEARN_SECONDS, workers = 1 } = this.#options;
    const endpoint = new EndpointWatch<SourceWatch>(name, { learnSeconds, share: 1 / workers });
    this.#endpoints.set(id, endpoint);
    return endpoint;
  }

  #at(timeUs: number, endpoint: EndpointWatch): void {
    if (timeUs > 0) this.#lastUs = timeUs;
    endpoint.advance(this.#lastUs, this);
  }

  #countRequest(source: SourceWatch): void {
    const { endpoint } = source;
    endpoint.requests += 1;
    source.requests += 1;
    if (source.requests > endpoint.busiest) endpoint.busiest = source.requests;
    if (source.requests <= endpoint.sourceLimit || source.overWindow === endpoint.window) return;
    // Once a window, and not in the first: one alone is a burst.
    if (source.overWindow === endpoint.window - 1) {
      const usual = Math.ceil(endpoint.sourceLevel);
      this.#report('source-flood', endpoint, source.address, '', '', `more than ${Math.floor(endpoint.sourceLimit)} requests in ${WINDOW_SECONDS} s; of the busiest client, ${usual} are usual`);
    }
    source.overWindow = endpoint.window;
  }

  #onFault(status: number, note: Note, sighting: Sighting): void {
    if (status === 501 && note.isOddMethod) this.#add('unusual-method', note.source, sighting, 'a method that the server refuses with 501');
    // A gateway's word that the server is away is nothing that a request did.
    if (status >= 502 && status <= 504) return;
    const { source } = note;
    source.endpoint.faults += 1;
    source.fault(note.target);
    this.#judge(FAULT_RULES, source);
  }

  #onDenial(status: number, note: Note, sighting: Sighting): void {
    const { source } = note;
    if (note.isOddMethod && isRefusal(status)) this.#add('unusual-method', source, sighting, `a method that the server refuses with ${status}`);
    if (note.isLogin && isFailedLogin(status)) {
      source.failLogin(note.length);
      source.endpoint.failedLogin(source.hash);
    }
    const isRefused = note.hasCredential && (status === 401 || status === 403);
    if (isRefused) source.refuse(note.credential);
    if (note.isLogin && isFailedLogin(status)) this.#judge(LOGIN_RULES, source, sighting);
    if (isRefused) this.#judge(REFUSED_RULES, source);
    // A client whose session has ended is no scanner; nor is what is wrong with one request, or too much, a door that is tried.
    if ((status === 401 && note.isKnown) || !isDenial(status)) return;
    if (ID.test(sighting.template)) source.deny(this.#hash.of(sighting.template), note.path, note.host);
    else source.deny(note.path, 0, note.host);
    this.#judge(DENIED_RULES, source);
  }

  #judge(rules: readonly SourceRule[], source: SourceWatch, sighting: Sighting | null = null): void {
    for (const { rule, holds, evidence } of rules) {
      if (holds(source)) this.#report(rule, source.endpoint, source.address, sighting?.method ?? '', sighting?.template ?? '', evidence(source));
    }
  }

  #add(rule: RuleId, source: SourceWatch, { method, template }: Sighting, evidence: string): void {
    this.#report(rule, source.endpoint, source.address, method, template, evidence);
  }

  #report(rule: RuleId, endpoint: EndpointWatch, source: string, method: string, template: string, evidence: string): void {
    this.#list.add({ rule, endpoint: endpoint.name, source, method, template, evidence, atMs: this.#options.toWallMs(this.#lastUs) });
  }
}
