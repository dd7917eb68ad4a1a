import type { DecoderOutcome, Exchange } from '../http/exchange.ts';
import { grpcStatusOf, httpStatusOf } from '../http/grpc-status.ts';
import type { SnapshotEndpoint } from '../policy/snapshot.ts';
import type { PathTemplates } from '../sketch/path-templates.ts';
import { OTHERS, type ObserveData } from './data.ts';
import { Pod } from './pod.ts';
import type { Series, SeriesKey } from './series.ts';
import { sightingOf, type Sighting } from './sighting.ts';

/** Of all pods together. */
const MAX_SERIES = 1_000;
/** Series that nobody asked for in so long give way where there is no room; those of pods that are gone do at once. */
const STALE_US = 300e6;
/** Those of pods that are still there are forgotten after so long. */
const FORGET_US = 3_600e6;
/** Room is looked for no more often. */
const SWEEP_US = 1e6;

/** Of the tap. */
export interface TapClock {
  /** Microseconds. */
  now(): number;
  /** Unix time in milliseconds. */
  toWallMs(timeUs: number): number;
}

/**
 * Measures what pods are asked for and how they answer, from the capture alone: rates, outcomes, latency, sizes, concurrency,
 * busy clients. One in each worker; it sees that worker's connections. A request is counted when it has ended, once. What
 * switched protocols is not counted, nor what the capture lost.
 */
export class Observer {
  readonly #templates: PathTemplates;
  readonly #clock: TapClock;
  readonly #pods = new Map<number, Pod>();
  /** No longer in the snapshot, and not forgotten yet. */
  #gone: Pod[] = [];
  #series = 0;
  #folded = 0;
  #sweptUs = -Infinity;

  /** @param templates those with which sightings are made */
  constructor(templates: PathTemplates, clock: TapClock) {
    this.#templates = templates;
    this.#clock = clock;
  }

  configure(endpoints: readonly Pick<SnapshotEndpoint, 'id' | 'name'>[]): void {
    const names = new Map(endpoints.map(({ id, name }) => [id, name]));
    for (const [id, pod] of this.#pods) {
      if (names.get(id) === pod.name) continue;
      pod.gone = true;
      this.#gone.push(pod);
      this.#pods.delete(id);
    }
    for (const [id, name] of names) if (!this.#pods.has(id)) this.#pods.set(id, this.#back(name) ?? new Pod(name));
    this.#sweep(this.#clock.now());
  }

  onRequestHead(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    const pod = sighting === null ? undefined : this.#pods.get(sighting.endpoint);
    if (sighting === null || pod === undefined) return;
    sighting.pod = pod;
    sighting.series = this.#place(pod, sighting, sighting.startUs);
    sighting.met = ++pod.underWay;
    pod.hears(sighting.client);
  }

  onRequest(): void {}

  onRequestLost(exchange: Exchange, outcome: DecoderOutcome, reason: string): void {
    const sighting = sightingOf(exchange);
    if (sighting === null) return;
    if (outcome === 'upgrade' || outcome === 'h2-midstream') leave(sighting);
    // That an end of the connection gave up is an outcome; that we did is none.
    else sighting.isLost = reason !== 'reset' && reason !== 'closed';
  }

  onResponseHead(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    if (sighting?.isGrpc === true) sighting.grpcStatus = grpcStatusOf(exchange.response!.headers);
  }

  onResponse(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    if (sighting?.isGrpc === true && sighting.grpcStatus < 0) sighting.grpcStatus = grpcStatusOf(exchange.response!.trailers);
  }

  onExchangeEnd(exchange: Exchange): void {
    const sighting = sightingOf(exchange);
    if (sighting === null || sighting.pod === null) return;
    const { pod, series } = sighting;
    leave(sighting);
    const { response } = exchange;
    if (response === null && sighting.isLost) return;
    const status = response === null ? 0 : sighting.grpcStatus < 0 ? response.status : httpStatusOf(sighting.grpcStatus);
    const into = series!.isDropped ? this.#placeAgain(pod, series!) : series!;
    into.ended(exchange.request!, response, status, sighting.met);
    if (into.template === OTHERS) this.#folded++;
  }

  /** Everything that is known, copied. */
  data(): ObserveData {
    const nowUs = this.#clock.now();
    this.#sweep(nowUs);
    this.#fold();
    const pods = this.#all();
    return {
      endpoints: pods.flatMap((pod) => [...pod.all()].filter(({ requests }) => requests > 0).map((series) => series.data(pod.name, nowUs, this.#clock.toWallMs))),
      clients: pods.flatMap((pod) => pod.clients()),
      folded: this.#folded,
    };
  }

  /** A pod of this name that was thought to be gone. */
  #back(name: string): Pod | null {
    const index = this.#gone.findIndex((pod) => pod.name === name);
    if (index < 0) return null;
    const [pod] = this.#gone.splice(index, 1);
    pod!.gone = false;
    return pod!;
  }

  #all(): Pod[] {
    return [...this.#pods.values(), ...this.#gone];
  }

  /** Where requests of this kind count, a new place if need be. */
  #place(pod: Pod, key: SeriesKey, nowUs: number): Series {
    const known = pod.find(key);
    if (known !== null) return known;
    const isFull = (): boolean => pod.isFull || this.#series >= MAX_SERIES;
    if (isFull() && nowUs - this.#sweptUs >= SWEEP_US) this.#sweep(nowUs, STALE_US);
    if (isFull()) return pod.others(nowUs);
    this.#series++;
    return pod.open(key, nowUs);
  }

  #placeAgain(pod: Pod, { port, method, template, lastUs }: Series): Series {
    return template === OTHERS ? pod.others(lastUs) : this.#place(pod, { port, method, template: this.#templates.fold(template) }, lastUs);
  }

  #sweep(nowUs: number, afterUs = FORGET_US): void {
    this.#sweptUs = nowUs;
    for (const pod of this.#all()) {
      const keptUs = pod.gone ? STALE_US : afterUs;
      for (const series of pod.all()) if (nowUs - series.lastUs > keptUs) this.#drop(pod, series);
    }
    this.#gone = this.#gone.filter((pod) => !pod.isEmpty);
  }

  /** What was taken for a word may have turned out to be a value. */
  #fold(): void {
    for (const pod of this.#all()) {
      for (const series of pod.all()) {
        if (series.template === OTHERS || this.#templates.fold(series.template) === series.template) continue;
        this.#drop(pod, series);
        this.#placeAgain(pod, series).absorb(series);
      }
    }
  }

  #drop(pod: Pod, series: Series): void {
    if (series.template !== OTHERS) this.#series--;
    pod.drop(series);
  }
}

/** It is no longer under way, and does not count from here on. */
function leave(sighting: Sighting): void {
  if (sighting.pod !== null) sighting.pod.underWay--;
  sighting.pod = sighting.series = null;
}
