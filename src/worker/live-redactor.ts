import type { Answer, Question } from '../compare/answer.ts';
import { decode, headerOf } from '../compare/differ/content.ts';
import { isSecretName, withoutSecrets } from '../compare/examples/kinds.ts';
import { HIDDEN, REDACTED } from '../compare/examples/mask.ts';
import type { Redactor } from '../mirror/redact.ts';
import type { LiveAnswer, LiveBody } from './live-exchange.ts';

const MOST_FIELDS = 64;
const MOST_NAME = 128;
const MOST_VALUE = 512;
const MOST_PATH = 1_024;
/** Of content, encoded and decoded. */
export const MOST_BODY = 16 * 1024;

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** The same, but for what makes lines. */
const UNPRINTABLE_IN_TEXT = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** What of a target's exchanges a viewer may see. */
export interface Visibility {
  /** What the policy's `redact` names is taken out; null: it names nothing. */
  readonly redactor: Redactor | null;
  /** false: no values at all (`examples: None`). */
  readonly values: boolean;
  /** Contents as well (`page.bodies`). */
  readonly bodies: boolean;
}

/** Path and query without secrets. */
export function visiblePath({ target }: Question, { redactor }: Visibility): string {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  return bounded(withoutSecrets((path + (redactor?.query(query) ?? query)).slice(0, 2 * MOST_PATH)), MOST_PATH);
}

/** An answer without secrets, and of values no more than may be seen. Nothing of it is borrowed. */
export function visibleAnswer(answer: Answer, visibility: Visibility): LiveAnswer {
  const { status, headers, trailers, body, firstByteUs, completeUs } = answer;
  return {
    status,
    headers: visibleFields(headers, visibility),
    trailers: visibleFields(trailers, visibility),
    body: body === null || !visibility.bodies || !visibility.values ? null : visibleBody(headers, body, visibility.redactor),
    bodyBytes: body?.length ?? 0,
    firstByteUs,
    completeUs,
  };
}

function visibleFields(fields: readonly string[], visibility: Visibility): string[] {
  const visible: string[] = [];
  for (let i = 0; i + 1 < fields.length && i < 2 * MOST_FIELDS; i += 2) {
    visible.push(bounded(fields[i]!, MOST_NAME), visibleValue(fields[i]!, fields[i + 1]!, visibility));
  }
  if (fields.length > 2 * MOST_FIELDS) visible.push('(more)', `${fields.length / 2 - MOST_FIELDS} fields are left out`);
  return visible;
}

function visibleValue(name: string, value: string, { redactor, values }: Visibility): string {
  if (!values) return HIDDEN;
  const field = [name, value];
  redactor?.headers(field);
  if (field.length === 0) return REDACTED;
  const lower = name.toLowerCase();
  // Of a cookie that is set, its name and what it may be used for says something, its value nothing.
  if (lower === 'set-cookie') return bounded(field[1]!.replace(/=[^;]*/, `=${HIDDEN}`), MOST_VALUE);
  if (isSecretName(lower)) return HIDDEN;
  return bounded(withoutSecrets(field[1]!.slice(0, 2 * MOST_VALUE)), MOST_VALUE);
}

function visibleBody(headers: readonly string[], body: Buffer, redactor: Redactor | null): LiveBody {
  if (body.length > MOST_BODY) return left(`larger than ${MOST_BODY / 1024} KiB`);
  const decoded = decode(body, headerOf(headers, 'content-encoding'), MOST_BODY);
  if (decoded === null) return left(`its encoding cannot be undone, or it is larger than ${MOST_BODY / 1024} KiB then`);
  const clean = redactor === null ? decoded : redactor.body(['content-type', headerOf(headers, 'content-type')], decoded);
  if (clean === null) return left('it cannot be searched for what the policy redacts');
  try {
    return { text: UTF8.decode(clean).replace(UNPRINTABLE_IN_TEXT, '\ufffd'), note: '' };
  } catch {
    return left('no text');
  }
}

function left(note: string): LiveBody {
  return { text: '', note };
}

function bounded(text: string, most: number): string {
  const clean = text.slice(0, most).replace(UNPRINTABLE, '\ufffd');
  return text.length > most ? `${clean}…` : clean;
}
