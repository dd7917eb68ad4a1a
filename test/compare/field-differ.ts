import type { Answer, Question } from '../../src/compare/answer.ts';
import type { AnswerDiffer } from '../../src/compare/comparator.ts';
import type { Difference, DifferenceKind } from '../../src/compare/difference.ts';
import { looksRandom } from '../../src/compare/value-shape.ts';

/** Compares the status and the members of one flat JSON object: as much as the tests of counting and judging need. */
export class FieldDiffer implements AnswerDiffer {
  readonly #list: Difference[] = [];

  differences(_question: Question, production: Answer, mirror: Answer): readonly Difference[] | 'encoding' {
    this.#list.length = 0;
    if (production.status !== mirror.status) this.#add('status', 'status', String(production.status), String(mirror.status));
    const one = fieldsOf(production);
    const other = fieldsOf(mirror);
    if (one === null || other === null) return 'encoding';
    for (const name of new Set([...one.keys(), ...other.keys()])) {
      const [a, b] = [one.get(name), other.get(name)];
      if (a !== b) this.#add(`body /${name}`, a === undefined ? 'added' : b === undefined ? 'missing' : 'field', a ?? '', b ?? '');
    }
    return this.#list;
  }

  #add(where: string, kind: DifferenceKind, production: string, mirror: string): void {
    this.#list.push({ where, kind, production, mirror, random: looksRandom(production, mirror) });
  }
}

function fieldsOf({ body }: Answer): Map<string, string> | null {
  if (body === null) return new Map();
  try {
    return new Map(Object.entries(JSON.parse(body.toString()) as Record<string, unknown>).map(([name, value]) => [name, String(value)]));
  } catch {
    return null;
  }
}
