import type { NotCompared } from './answer.ts';
import type { EndpointComparison, NotComparedCounts } from './data.ts';
import type { ErrorReport, FieldReport } from './report.ts';
import { boundsOf, gapsIn, SOME, type Shares } from './verdict.ts';
import { count, counted, level, percent, points } from './wording.ts';

/** Fields that are named. */
const NAMED = 3;

interface Bounded extends Shares {
  readonly noise: number;
  readonly isUpperBound: boolean;
}

export function differsReason({ sure, compared, isUpperBound }: Bounded, allowed: number, confidence: number): string {
  const { low } = boundsOf(sure, compared, confidence);
  return `${isUpperBound ? 'Up to ' : ''}${count(sure)} of ${counted(compared, 'answer')} differ, ${percent(sure / compared)}: at least ${percent(low)} with ${level(confidence)} confidence, where ${allowed === 0 ? 'none may' : `${percent(allowed)} may`}.`;
}

export function fieldsReason(fields: readonly FieldReport[]): string {
  if (fields.length === 0) return '';
  const named = fields.slice(0, NAMED).map((field) => `${field.where} (${field.kind}) in ${count(field.count)}`);
  return `They differ at ${named.join(', ')}${fields.length > NAMED ? ` and ${counted(fields.length - NAMED, 'other place')}` : ''}.`;
}

export function undecidedReason({ sure, undecided, compared }: Bounded, allowed: number, confidence: number): string {
  if (undecided > 0) return `${count(sure + undecided)} of ${counted(compared, 'answer')} differ${sure === 0 ? '' : `, ${count(undecided)} of them`} in ways that may be noise: too little is known to tell.`;
  const { low, high } = boundsOf(sure, compared, confidence);
  return `${count(sure)} of ${counted(compared, 'answer')} differ, which is between ${percent(low)} and ${percent(high)} with ${level(confidence)} confidence: too few to tell it from the ${percent(allowed)} that may.`;
}

export function tooFewReason(compared: number, minCompared: number): string {
  return `${compared === 0 ? 'No answer has' : compared === 1 ? 'Only 1 answer has' : `Only ${count(compared)} answers have`} been compared, where a verdict takes ${count(minCompared)}.`;
}

const MEANING: Readonly<Partial<Record<NotCompared, string>>> = {
  incomplete: 'an answer was not captured whole',
  'too-large': 'content is beyond maxBodyBytes',
  memory: 'there was no room to keep an answer',
  'no-answer': "production's answer was not seen",
  failed: 'the mirror gave no answer',
  encoding: 'content could not be decoded',
  pressure: 'the agent had no time left for it',
};

export function gapsReason(notCompared: NotComparedCounts, compared: number): string {
  const gaps = gapsIn(notCompared);
  const why = (Object.entries(notCompared) as [NotCompared, number][])
    .filter(([reason]) => MEANING[reason] !== undefined)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, number]) => `${count(number)} ${reason} (${MEANING[reason]!})`);
  return `${count(gaps)} of ${counted(gaps + compared, 'exchange')} could not be compared: ${why.join(', ')}.`;
}

/** Where copies were not even sent, what is known of those that were is all that there is. */
export function notSentReason(notCompared: NotComparedCounts, compared: number): string {
  const notSent = notCompared['not-sent'] ?? 0;
  const all = notSent + gapsIn(notCompared) + compared;
  if (notSent <= SOME * all) return '';
  return `${count(notSent)} of ${counted(all, 'copy', 'copies')} were never sent to the mirror: it was too slow, or had failed too often, or a limit of the policy was reached. Nothing is known of these.`;
}

/** A mirror that is not set up as production is answers nearly everything alike, and hides what else there may be. */
export function refusesReason({ production, mirror }: EndpointComparison['answers']): string {
  const answered = mirror.statuses.reduce((sum, number) => sum + number, 0);
  const [ours, theirs] = [production.statuses[3], mirror.statuses[3]];
  if (theirs - ours <= answered / 2) return '';
  return `The mirror refuses most of what production answers: ${count(theirs)} of its ${counted(answered, 'answer')} have a status of 4xx, of production's ${count(ours)}. It may lack what production has: secrets, data, or a route.`;
}

export function safeReason({ sure, noise, compared }: Bounded, confidence: number): string {
  const { high } = boundsOf(sure, compared, confidence);
  const besides = noise === 0 ? '' : ` ${count(noise)} differ by noise alone.`;
  return `${count(sure)} of ${counted(compared, 'answer')} differ: below ${percent(high)} with ${level(confidence)} confidence.${besides}`;
}

export function errorsReason({ answered, production, mirror, difference }: ErrorReport, confidence: number): string {
  const share = (errors: number): string => percent(answered === 0 ? 0 : errors / answered);
  return `The mirror fails more often: ${count(mirror)} of ${counted(answered, 'request')} (${share(mirror)}) against production's ${count(production)} (${share(production)}); the difference is ${points(difference.low)} to ${points(difference.high)} percentage points with ${level(confidence)} confidence.`;
}
