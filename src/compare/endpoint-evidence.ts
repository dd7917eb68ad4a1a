import type { ByteBudget } from '../flow/budget.ts';
import type { Random } from '../sketch/random.ts';
import { mergePairs, PAIR_FIELDS, PairReservoir, type PairSample } from '../sketch/reservoir.ts';
import { classOf, copyCounts, countAnswer, joinCounts, newCounts } from './answer-counts.ts';
import type { Answer, NotCompared, Question } from './answer.ts';
import type { EndpointComparison } from './data.ts';
import type { Difference } from './difference.ts';
import { compareText, placeData, PlaceCounts, type CountedPlace } from './place-counts.ts';
import { SignatureTable } from './signature-table.ts';

/** How much is kept of one endpoint. */
export interface EvidenceLimits {
  readonly places: number;
  readonly signatures: number;
  /** Pairs of times. */
  readonly latency: number;
}

/** Samples of times that are kept before they are merged into one. */
const SAMPLES = 8;
/** A pair of times and when it was. */
const PAIR_BYTES = PAIR_FIELDS * 8;
/** About what is there from the beginning. */
const EMPTY_BYTES = 2_048;

/** What is known of one endpoint: `EndpointComparison`, while it grows. */
export class EndpointEvidence {
  readonly method: string;
  template: string;
  compared = 0;
  repeats = 0;
  soonRepeats = 0;
  readonly #notCompared: Partial<Record<NotCompared, number>> = {};
  readonly #places: PlaceCounts;
  readonly #signatures: SignatureTable;
  readonly #production = newCounts();
  readonly #mirror = newCounts();
  readonly #latency: PairReservoir;
  /** Of evidence that has been taken up. */
  #joinedLatency: PairSample[] = [];
  readonly #room: ByteBudget;
  readonly #bytes: number;
  #pass = 0;

  /** Whoever makes one has taken `bytesFor(limits)` of the room; `release` gives them back. */
  constructor(method: string, template: string, limits: EvidenceLimits, room: ByteBudget, random?: Random) {
    this.method = method;
    this.template = template;
    this.#places = new PlaceCounts(limits.places, room);
    this.#signatures = new SignatureTable(limits.signatures, this.#places.list, room);
    this.#latency = new PairReservoir(limits.latency, random);
    this.#room = room;
    this.#bytes = EndpointEvidence.bytesFor(limits);
  }

  static bytesFor(limits: EvidenceLimits): number {
    return EMPTY_BYTES + limits.latency * PAIR_BYTES;
  }

  /** @param differences what the differ has found @param keepExamples what either side had */
  add(question: Question, production: Answer, mirror: Answer, differences: readonly Difference[], keepExamples: boolean, nowMs: number): void {
    this.compared++;
    this.#count(question, production, mirror, nowMs);
    if (differences.length === 0) return;
    this.#pass++;
    const at: number[] = [];
    for (const difference of differences) {
      const place = this.#fresh(difference);
      if (place === null) continue;
      at.push(place.index);
      place.differed++;
      this.#places.look(place, difference, keepExamples);
    }
    this.#signatures.add(at, 1);
  }

  /** Production's answers to two equal requests were compared with each other. @param isSoon one came within three seconds of the other */
  addRepeat(differences: readonly Difference[], isSoon: boolean): void {
    this.repeats++;
    if (isSoon) this.soonRepeats++;
    this.#pass++;
    for (const difference of differences) {
      const place = this.#fresh(difference);
      if (place === null) continue;
      place.varied++;
      if (isSoon) place.variedSoon++;
    }
  }

  /** @param production its answer, where it was seen; counted where the mirror gave none */
  skip(question: Question, production: Answer | null, why: NotCompared): void {
    this.#notCompared[why] = (this.#notCompared[why] ?? 0) + 1;
    if (why !== 'failed' || production === null) return;
    countAnswer(this.#production, question, production);
    this.#mirror.errors++;
  }

  /** Takes up what is known of it elsewhere. */
  join(data: EndpointComparison): void {
    this.compared += data.compared;
    this.repeats += data.repeats;
    this.soonRepeats += data.soonRepeats;
    addTo(this.#notCompared, data.notCompared);
    joinCounts(this.#production, data.answers.production);
    joinCounts(this.#mirror, data.answers.mirror);
    if (this.#joinedLatency.length >= SAMPLES) this.#joinedLatency = [mergePairs(this.#joinedLatency, this.#latency.capacity)];
    this.#joinedLatency.push(data.latency);
    const places = data.places.map((evidence) => {
      const place = this.#places.at(evidence.where, evidence.kind);
      place.differed += evidence.differed;
      place.unlisted += evidence.unlisted;
      place.looked += evidence.looked;
      place.random += evidence.random;
      place.varied += evidence.varied;
      place.variedSoon += evidence.variedSoon;
      this.#places.joinExamples(place, evidence.examples);
      return place.index;
    });
    for (const { places: at, count } of data.signatures) this.#signatures.add([...new Set(at.map((number) => places[number]!))], count);
  }

  /** The same for equal evidence, in whatever order it came; only pairs of times are in none. */
  data(): EndpointComparison {
    const sorted = [...this.#places.list].sort((a, b) => compareText(a.where, b.where) || compareText(a.kind, b.kind));
    const numbers = new Map(sorted.map((place, number) => [place.index, number]));
    const signatures = this.#signatures.data().map(({ places, count }) => ({ places: places.map((index) => numbers.get(index)!).sort((a, b) => a - b), count }));
    return {
      method: this.method,
      template: this.template,
      compared: this.compared,
      notCompared: sortedCounts(this.#notCompared),
      signatures: signatures.sort((a, b) => compareText(a.places.join(), b.places.join())),
      places: sorted.map(placeData),
      repeats: this.repeats,
      soonRepeats: this.soonRepeats,
      answers: { production: copyCounts(this.#production), mirror: copyCounts(this.#mirror) },
      latency: this.#latencyData(),
    };
  }

  /** Gives back the room that it has taken; it is not used any more. */
  release(): void {
    this.#signatures.release();
    this.#places.release();
    this.#room.give(this.#bytes);
  }

  #latencyData(): PairSample {
    const { pairs, sample, capacity } = this.#latency;
    const parts = [{ pairs, sample: [...sample] }, ...this.#joinedLatency].filter((part) => part.pairs > 0);
    return parts.length > 1 ? mergePairs(parts, capacity) : (parts[0] ?? { pairs, sample: [] });
  }

  /** @returns null where it was counted in this pass already */
  #fresh({ where, kind }: Difference): CountedPlace | null {
    const place = this.#places.at(where, kind);
    if (place.pass === this.#pass) return null;
    place.pass = this.#pass;
    return place;
  }

  #count(question: Question, production: Answer, mirror: Answer, nowMs: number): void {
    countAnswer(this.#production, question, production);
    countAnswer(this.#mirror, question, mirror);
    // A quick error says nothing of how fast right answers are.
    if (classOf(production.status) !== classOf(mirror.status) || production.completeUs < 0 || mirror.completeUs < 0) return;
    this.#latency.add(nowMs, production.completeUs, mirror.completeUs);
  }
}

/** Adds counts by reason. */
export function addTo(counts: Partial<Record<NotCompared, number>>, more: EndpointComparison['notCompared']): void {
  for (const [why, count] of Object.entries(more) as [NotCompared, number][]) counts[why] = (counts[why] ?? 0) + count;
}

/** A copy whose properties are in the order of their names. */
export function sortedCounts(counts: Readonly<Partial<Record<NotCompared, number>>>): EndpointComparison['notCompared'] {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => compareText(a, b)));
}
