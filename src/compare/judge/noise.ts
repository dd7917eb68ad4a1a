import type { EndpointComparison, PlaceEvidence } from '../data.ts';
import type { DifferenceKind } from '../difference.ts';
import { wilson, type Proportion } from '../statistics/proportions.ts';
import type { JudgeRules } from './judge-rules.ts';
import { count } from './wording.ts';

/**
 * What a place at which answers differ is taken for: `noise` production differs there by itself; `finding` the mirror does;
 * `unknown` it could be either.
 */
export type Standing = 'noise' | 'finding' | 'unknown';

export interface PlaceJudgement {
  readonly standing: Standing;
  /** With numbers, for people. */
  readonly because: string;
}

/** By what an endpoint's places are judged. */
export type NoiseRules = Pick<JudgeRules, 'learnNoise' | 'minCompared'>;

/** So much more often than production the mirror may differ, relatively: as in Diffy. */
const MARGIN = 1.2;
/** Of the intervals: three standard deviations, because there are many places and they are judged again and again. */
const CONFIDENCE = 0.9973;
/** Variations below which production is not said to vary: one or two may be writes that came in between. */
const MIN_VARIED = 3;
/** Repeats below which production is not said to be steady. */
const MIN_REPEATS = 5;
/** And where it varies or may, as it looks random, below which it is not said how much: what passes with time shows in late repeats only. */
const MIN_REPEATS_VARYING = 20;
/** Repeats within three seconds from which they say something of their own. */
const MIN_SOON = 20;
/** Looks at values, and the share of answers that differ, from which values are assumed to be random. */
const MIN_LOOKS = 3;
const NEARLY_ALWAYS = 0.9;

/** @param baseline the same endpoint of the policy's baseline target, or null @returns in the order of `endpoint.places` */
export function judgePlaces(endpoint: EndpointComparison, baseline: EndpointComparison | null, rules: NoiseRules): PlaceJudgement[] {
  const first = endpoint.places.map((place) => judgePlace(place, endpoint, baseline, rules));
  return first.map((judgement, i) => (judgement.standing === 'unknown' ? (judgeByNoiseAbove(endpoint, i, first) ?? settle(judgement, endpoint, i, rules)) : judgement));
}

function judgePlace(place: PlaceEvidence, endpoint: EndpointComparison, baseline: EndpointComparison | null, rules: NoiseRules): PlaceJudgement {
  if (!rules.learnNoise) return { standing: 'finding', because: 'the policy takes nothing for noise (learnNoise: false)' };
  const mirror: Proportion = { count: place.differed, total: endpoint.compared };
  const own = ownVariation(place, endpoint);
  // The baseline was asked the same at the same time: where it tells, it tells more than production's repeats.
  if (baseline !== null && baseline.compared > 0) {
    const there = baseline.places.find(({ where, kind }) => where === place.where && kind === place.kind);
    const estimate: Proportion = { count: there?.differed ?? 0, total: baseline.compared };
    const standing = hold(mirror, estimate);
    if (standing !== 'unknown') return say(standing, `the baseline's answers differ from production's here in ${of(estimate)}`, mirror);
  }
  if (endpoint.repeats === 0) return judgeByLooks(place, endpoint) ?? { standing: 'unknown', because: 'nothing is known of noise here: no request was repeated' };
  const standing = hold(mirror, own);
  const said = own.count === 0 ? `production's own answers are the same here in ${everyRepeat(endpoint.repeats)}` : `production's own answers differ here in ${count(own.count)} of ${count(endpoint.repeats)} repeats`;
  // A token that each instance makes for a while: its own repeats are mostly the same, another instance's never are.
  if (standing === 'finding' && (own.count > 0 || endpoint.repeats < MIN_REPEATS_VARYING) && judgeByLooks(place, endpoint) !== null) {
    return { standing: 'unknown', because: `it looks random and may belong to the instance, which a baseline or a rule would tell: ${said}, the mirror's differ in ${of(mirror)}` };
  }
  if (standing === 'noise') return judgeByState(place, endpoint, mirror, said) ?? say('noise', said, mirror);
  if (standing !== 'unknown') return say(standing, said, mirror);
  return (own.count >= endpoint.repeats ? judgeByLooks(place, endpoint) : null) ?? { standing, because: `too little is known of noise here: ${said}, the mirror's differ in ${of(mirror)}` };
}

/** What others write between two reads varies in repeats, the more the later they come; the mirror answers a moment after production. */
function judgeByState({ variedSoon }: PlaceEvidence, { repeats, soonRepeats }: EndpointComparison, mirror: Proportion, said: string): PlaceJudgement | null {
  const soon: Proportion = { count: variedSoon, total: soonRepeats };
  if (soonRepeats < MIN_SOON || soonRepeats === repeats || !isAbove(mirror, soon)) return null;
  return {
    standing: 'unknown',
    because: `it may be what others write, if the mirror sees that later, which a baseline or a rule would tell: ${said}, but in only ${of(soon)} within three seconds, the mirror's in ${of(mirror)}`,
  };
}

const OPPOSITE: Readonly<Partial<Record<DifferenceKind, DifferenceKind>>> = { missing: 'added', added: 'missing' };

/** Of what is there at times, either order is as likely in repeats, so both together tell more of each. */
function ownVariation({ where, kind, varied }: PlaceEvidence, { repeats, places }: EndpointComparison): Proportion {
  const opposite = OPPOSITE[kind];
  if (opposite === undefined) return { count: varied, total: repeats };
  const other = places.find((place) => place.where === where && place.kind === opposite);
  return { count: varied + (other?.varied ?? 0), total: 2 * repeats };
}

/** Holds how often the mirror differs against how often production, or its baseline, does. */
function hold(mirror: Proportion, own: Proportion): Standing {
  if (isAbove(mirror, own)) return own.total >= (own.count === 0 ? MIN_REPEATS : MIN_REPEATS_VARYING) ? 'finding' : 'unknown';
  return own.count >= MIN_VARIED ? 'noise' : 'unknown';
}

/**
 * Whether the mirror's share is surely above production's and the margin: the lower end of mirror - MARGIN · production is, by the
 * variance estimates recovery of G. Y. Zou and A. Donner (Statistics in Medicine 27, 2008) from Wilson's intervals.
 */
function isAbove(mirror: Proportion, own: Proportion): boolean {
  const theirs = wilson(mirror.count, mirror.total, CONFIDENCE);
  const ours = wilson(own.count, own.total, CONFIDENCE);
  return theirs.estimate - MARGIN * ours.estimate > Math.hypot(theirs.estimate - theirs.low, MARGIN * (ours.high - ours.estimate));
}

function say(standing: 'noise' | 'finding', said: string, mirror: Proportion): PlaceJudgement {
  return { standing, because: standing === 'noise' ? `noise: ${said}, the mirror's in ${of(mirror)}` : `${said}, the mirror's differ in ${of(mirror)}` };
}

/** Where nothing better is known, as of requests that are never repeated: values that are made up anew each time. */
function judgeByLooks({ where, differed, looked, random }: PlaceEvidence, { compared, answers }: EndpointComparison): PlaceJudgement | null {
  if (looked < MIN_LOOKS || random < looked) return null;
  // Errors have other content, without what successes make up.
  const successes = Math.min(answers.production.statuses[1], answers.mirror.statuses[1]);
  const answered = where.startsWith('body ') && successes > 0 ? Math.min(compared, successes) : compared;
  if (differed < answered * NEARLY_ALWAYS) return null;
  return {
    standing: 'noise',
    because: `assumed to be noise, as it looks random: both sides have ids, tokens or times here that differ in ${count(differed)} of ${count(compared)} answers, and no repeat says otherwise`,
  };
}

/** A place that differs only where one above it does, that is noise: members of a list whose elements come and go. */
function judgeByNoiseAbove({ places, signatures }: EndpointComparison, index: number, judged: readonly PlaceJudgement[]): PlaceJudgement | null {
  const { where, unlisted } = places[index]!;
  const above = places.flatMap((place, i) => (judged[i]!.standing === 'noise' && isAboveIn(place.where, where) ? [i] : []));
  if (above.length === 0 || unlisted > 0) return null;
  const alone = signatures.some((signature) => signature.places.includes(index) && !signature.places.some((place) => above.includes(place)));
  if (alone) return null;
  return { standing: 'noise', because: `noise: it differs only together with ${places[above[0]!]!.where}, which is noise` };
}

/** Whether one place of content contains the other. */
function isAboveIn(upper: string, lower: string): boolean {
  if (upper === 'body') return lower.startsWith('body /');
  return upper.startsWith('body /') && lower.startsWith(`${upper}/`);
}

/** After enough exchanges, what production was never seen to do is the mirror's doing. */
function settle(judgement: PlaceJudgement, endpoint: EndpointComparison, index: number, { minCompared }: NoiseRules): PlaceJudgement {
  const isSettled = ownVariation(endpoint.places[index]!, endpoint).count === 0 && endpoint.compared >= minCompared;
  return isSettled ? { ...judgement, standing: 'finding' } : judgement;
}

function of({ count: some, total }: Proportion): string {
  return `${count(some)} of ${count(total)}`;
}

function everyRepeat(repeats: number): string {
  return repeats === 1 ? 'the only repeat' : `all ${count(repeats)} repeats`;
}
