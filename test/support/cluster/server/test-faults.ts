import type { FaultAnswer, Faults, RequestMatch, SeenRequest, StreamFault } from '../faults.ts';
import type { JsonObject, KubeObject } from '../objects.ts';
import type { Answer, LoggedRequest } from './answer.ts';
import type { Clock } from './clock.ts';
import type { Lists } from './lists.ts';
import type { Listener } from './listener.ts';
import type { PodProxy } from './pod-proxy.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';
import type { Watch } from './watch.ts';
import type { Watches } from './watches.ts';

/** What faults act upon. */
export interface Faulty {
  readonly listener: Listener;
  readonly store: Store;
  readonly lists: Lists;
  readonly watches: Watches;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly proxy: PodProxy;
  load(objects: Iterable<KubeObject>): void;
  rotateTokens(): Promise<void>;
}

interface Trap {
  readonly match: RequestMatch;
  /** null: no answer at all. */
  readonly answer: FaultAnswer | null;
  times: number;
}

export class TestFaults implements Faults {
  readonly #server: Faulty;
  #traps: Trap[] = [];
  #streams: { readonly match: RequestMatch; readonly fault: StreamFault }[] = [];
  #log: LoggedRequest[] = [];
  readonly #answers = new Set<Answer>();
  readonly #hanging = new Set<Answer>();
  #comesBack: NodeJS.Timeout | null = null;

  constructor(server: Faulty) {
    this.#server = server;
  }

  /** Takes note of a request, before its user is known. */
  saw(answer: Answer): void {
    this.#log.push(answer.request);
    this.#answers.add(answer);
    answer.onClose(() => this.#answers.delete(answer));
  }

  /** Takes note of who sends it. @returns what to answer instead of the truth; `hang` for nothing; null where nothing is wrong */
  trap(answer: Answer): FaultAnswer | 'hang' | null {
    answer.fault = this.#streamFaultOf(answer.request);
    const trap = this.#traps.find(({ match, times }) => times > 0 && fits(match, answer.request));
    if (trap === undefined) return null;
    trap.times--;
    if (trap.answer !== null) return trap.answer;
    this.#hanging.add(answer);
    answer.onClose(() => this.#hanging.delete(answer));
    return 'hang';
  }

  async unavailable(ms?: number): Promise<void> {
    await this.#server.listener.close();
    if (ms !== undefined) this.#comesBack = setTimeout(() => void this.available(), ms);
  }

  async available(): Promise<void> {
    this.#dropTimer();
    await this.#server.listener.open();
  }

  resetConnections(): void {
    this.#server.listener.resetAll();
  }

  hang(match: RequestMatch, times = Infinity): void {
    this.#traps.push({ match, answer: null, times });
  }

  answer(match: RequestMatch, answer: FaultAnswer, times = Infinity): void {
    this.#traps.push({ match, answer, times });
  }

  stream(match: RequestMatch, fault: StreamFault): void {
    this.#streams.push({ match, fault });
    this.#applyStreamFaults();
  }

  clear(): void {
    this.#traps = [];
    this.#streams = [];
    this.#server.clock.skewMs = 0;
    this.#applyStreamFaults();
    for (const answer of this.#hanging) answer.reset();
  }

  compact(watchGone: 'event' | 'status' = 'event'): void {
    this.#server.watches.goneAs = watchGone;
    this.#server.store.compact();
    this.#server.lists.forgetSnapshots();
  }

  expireWatches(match: RequestMatch = {}): number {
    return this.#eachWatch(match, (watch) => watch.expire(1));
  }

  dropWatches(match: RequestMatch = {}, how: 'end' | 'reset' = 'end'): number {
    return this.#eachWatch(match, (watch) => (how === 'end' ? watch.end() : watch.answer.reset()));
  }

  bookmark(match: RequestMatch = {}): number {
    return this.#watches(match).filter((watch) => watch.bookmark()).length;
  }

  write(bytes: string | Uint8Array, match: RequestMatch = {}): number {
    const raw = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    return this.#eachWatch(match, (watch) => watch.write(raw));
  }

  sendEvent({ type, object }: { readonly type: string; readonly object: JsonObject }, match: RequestMatch = {}): number {
    return this.#eachWatch(match, (watch) => watch.sendEvent(type, object));
  }

  expireTokens(): void {
    this.#server.tokens.forgetAll();
  }

  rotateTokens(): Promise<void> {
    return this.#server.rotateTokens();
  }

  clockSkew(ms: number): void {
    this.#server.clock.skewMs = ms;
  }

  load(objects: Iterable<KubeObject>): void {
    this.#server.load(objects);
  }

  routePod(address: string, target: string): void {
    this.#server.proxy.routes.set(address, target);
  }

  requests(match: RequestMatch = {}): readonly SeenRequest[] {
    return this.#log.filter((request) => fits(match, request));
  }

  forgetRequests(): void {
    this.#log = [];
  }

  watches(match: RequestMatch = {}): readonly SeenRequest[] {
    return this.#watches(match).map((watch) => watch.answer.request);
  }

  get connections(): number {
    return this.#server.listener.connections;
  }

  /** Ends what would keep the process alive. */
  close(): void {
    this.#dropTimer();
    this.clear();
  }

  #dropTimer(): void {
    if (this.#comesBack !== null) clearTimeout(this.#comesBack);
    this.#comesBack = null;
  }

  #watches(match: RequestMatch): Watch[] {
    return this.#server.watches.matching((request) => fits(match, request));
  }

  #eachWatch(match: RequestMatch, act: (watch: Watch) => void): number {
    const watches = this.#watches(match);
    watches.forEach(act);
    return watches.length;
  }

  #applyStreamFaults(): void {
    for (const answer of this.#answers) answer.fault = this.#streamFaultOf(answer.request);
  }

  #streamFaultOf(request: SeenRequest): StreamFault {
    const faults = this.#streams.filter(({ match }) => fits(match, request)).map(({ fault }) => fault);
    return Object.assign({}, ...faults) as StreamFault;
  }
}

function fits(match: RequestMatch, request: SeenRequest): boolean {
  return (Object.keys(match) as (keyof RequestMatch)[]).every((field) => match[field] === undefined || match[field] === request[field]);
}
