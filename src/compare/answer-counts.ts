import type { Answer, Question } from './answer.ts';
import type { AnswerCounts } from './data.ts';
import { isServerFault } from './outcome.ts';

/** `AnswerCounts`, while they grow. */
export type Counts = { statuses: [number, number, number, number, number]; errors: number };

export function newCounts(): Counts {
  return { statuses: [0, 0, 0, 0, 0], errors: 0 };
}

export function copyCounts({ statuses, errors }: Counts): AnswerCounts {
  return { statuses: [...statuses], errors };
}

/** Adds more to them. */
export function joinCounts(counts: Counts, more: AnswerCounts): void {
  more.statuses.forEach((count, i) => (counts.statuses[i]! += count));
  counts.errors += more.errors;
}

export function countAnswer(counts: Counts, question: Question, answer: Answer): void {
  const at = classOf(answer.status);
  if (at >= 0) counts.statuses[at]!++;
  if (isServerFault(question, answer)) counts.errors++;
}

/** 0 to 4 for 1xx to 5xx, -1 for what is none. */
export function classOf(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) - 1 : -1;
}
