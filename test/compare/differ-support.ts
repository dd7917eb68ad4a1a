import type { Answer, Question } from '../../src/compare/answer.ts';
import { Differ } from '../../src/compare/differ/differ.ts';
import { compareRules, type DiffSpec, type RedactSpec } from '../../src/compare/differ/rules.ts';
import type { Difference } from '../../src/compare/difference.ts';

export const ANY: DiffSpec = { maxBodyBytes: 262_144, headers: 'All', ignore: [], tolerance: [], keyed: [], examples: 'Masked' };
const NO_SECRETS: RedactSpec = { headers: [], cookies: [], queryParams: [], jsonFields: [], mode: 'Remove' };

export function question(about: Partial<Question> = {}): Question {
  return { method: 'GET', target: '/orders/1', template: '/orders/{id}', key: '', grpc: false, ...about };
}

export function answer(about: Partial<Answer> = {}): Answer {
  return { status: 200, headers: [], trailers: [], body: null, firstByteUs: -1, completeUs: -1, ...about };
}

export function jsonAnswer(body: string | Buffer, headers: readonly string[] = []): Answer {
  return answer({ headers: ['Content-Type', 'application/json', ...headers], body: Buffer.from(body) });
}

export function differ(spec: Partial<DiffSpec> = {}, redact?: Partial<RedactSpec>): Differ {
  return new Differ(compareRules({ ...ANY, ...spec }, redact === undefined ? undefined : { ...NO_SECRETS, ...redact }));
}

/** Copies of what differs, with its examples written out. */
export function allOf(differences: readonly Difference[] | 'encoding'): Difference[] {
  if (differences === 'encoding') throw new Error('content could not be decoded');
  return differences.map(({ where, kind, production, mirror }) => ({ where, kind, production, mirror }));
}

/** Such as `field body /a`, sorted. */
export function placesOf(differences: readonly Difference[] | 'encoding'): string[] {
  return allOf(differences).map(({ where, kind }) => `${kind} ${where}`).sort();
}

/** What differs between two documents. */
export function jsonPlaces(production: string | Buffer, mirror: string | Buffer, spec: Partial<DiffSpec> = {}): string[] {
  return placesOf(differ(spec).differences(question(), jsonAnswer(production), jsonAnswer(mirror)));
}
