import { createHash } from 'node:crypto';
import { readElements } from '../differ/json/json-elements.ts';
import { Members } from '../differ/json/json-members.ts';
import { LIST, NUMBER, OBJECT, skipSpace, STRING, TYPE_OF } from '../differ/json/json-scan.ts';
import { textOf } from '../differ/json/json-string.ts';
import type { Examples } from '../differ/rules.ts';
import { isCardNumber, isSecretKind, kindOf, LOOKED_AT, withoutSecrets } from './kinds.ts';
import { isStateWord } from './state-words.ts';

/** How something is written out. */
export type Form = number;
export const NOTHING: Form = 0;
/** Our own words, a status, a count: shown always. */
export const PLAIN: Form = 1;
/** Words of a protocol. */
export const WORDS: Form = 2;
/** Anything. */
export const TEXT: Form = 3;
/** Bytes of a value. */
export const JSON_VALUE: Form = 4;
/** Bytes that are no text. */
export const BINARY: Form = 5;
/** Our own words (a position), and after them a piece of content. */
export const EXCERPT: Form = 6;

/** Shown for what the policy's `redact` names. */
export const REDACTED = '(redacted)';
/** Shown for what nobody needs to see, whatever the policy says. */
export const HIDDEN = '(hidden)';

/** Longest text that is shown, in characters. */
export const MAX_SHOWN = 80;
/** Longest value whose form is looked at, in bytes. */
const LONGEST_VALUE = 16_384;

const EMPTY = Buffer.alloc(0);

/** What one side has at a place. It is written out only when somebody asks, as most differences are only counted. */
export class Shown {
  form: Form = NOTHING;
  text = '';
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;

  setText(form: Form, text: string): void {
    this.form = form;
    this.text = text;
    this.end = this.start;
  }

  /** @param bytes borrowed */
  setBytes(form: Form, bytes: Buffer, start: number, end: number): void {
    this.form = form;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Lets go of content. */
  release(): void {
    this.form = NOTHING;
    this.bytes = EMPTY;
  }

  /** The value itself, which nobody may see; empty where it is none, or too long to be looked at. */
  get value(): string {
    const { form, bytes, start, end } = this;
    if (form === WORDS || form === TEXT) return this.text;
    if (form !== JSON_VALUE || end - start > LONGEST_VALUE) return '';
    const type = TYPE_OF[bytes[start]!];
    if (type === STRING) return textOf(bytes, start + 1, end - 1);
    return type === NUMBER ? bytes.latin1Slice(start, end) : '';
  }
}

/** Writes out what differs, for people, and nothing that is secret or, unless the policy wants values, that may be personal. */
export class Masker {
  readonly #examples: Examples;

  constructor(examples: Examples) {
    this.#examples = examples;
  }

  /** @param instead what is shown of a secret, or empty @returns printable, at most MAX_SHOWN characters */
  show(shown: Shown, instead: string): string {
    const { form, text } = shown;
    if (form === NOTHING) return '';
    if (form === PLAIN) return printable(text);
    if (this.#examples === 'None') return '';
    if (instead !== '') return instead;
    return printable(this.#write(shown));
  }

  #write({ form, text, bytes, start, end }: Shown): string {
    switch (form) {
      case WORDS:
        return text;
      case TEXT:
        return this.#text(text);
      case JSON_VALUE:
        return this.#json(bytes, start, end);
      case EXCERPT:
        return this.#examples === 'Values' && end > start ? `${text}: ${withoutSecrets(bytes.toString('utf8', start, end))}` : text;
      default:
        return `${count(end - start, 'byte')}, sha256 ${createHash('sha256').update(bytes.subarray(start, end)).digest('hex').slice(0, 16)}`;
    }
  }

  #json(json: Buffer, start: number, end: number): string {
    const type = TYPE_OF[json[start]!]!;
    if (type === OBJECT) return `object with ${count(Members.read(json, skipSpace(json, start + 1))?.count ?? 0, 'field')}`;
    if (type === LIST) return `list of ${count(readElements(json, skipSpace(json, start + 1), 0)?.values.length ?? 0, 'element')}`;
    if (type === STRING) return this.#text(textOf(json, start + 1, end - 1));
    const text = json.latin1Slice(start, Math.min(end, start + LOOKED_AT));
    return type === NUMBER && isCardNumber(text) ? 'card number' : text;
  }

  /** Strings are in quotes where they are shown, so that "1" is not 1. */
  #text(text: string): string {
    if (text === '') return 'empty text';
    const kind = kindOf(text);
    if (this.#examples === 'Values' && (kind === null || !isSecretKind(kind))) return quoted(withoutSecrets(beginning(text)));
    if (kind === 'token' || kind === 'URL') return `${kind} of ${count([...text].length, 'character')}`;
    return kind ?? (isStateWord(text) ? quoted(text) : `text of ${count([...text].length, 'character')}`);
  }
}

export function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

/** As much of a text as is looked through for secrets, without a word that would be cut. */
function beginning(text: string): string {
  if (text.length <= 2 * LOOKED_AT) return text;
  const cut = text.slice(0, LOOKED_AT);
  return cut.slice(0, cut.search(/\S*$/)) + '…';
}

function quoted(text: string): string {
  return text.length + 2 <= MAX_SHOWN ? `"${text}"` : `"${text.slice(0, MAX_SHOWN - 3)}…"`;
}

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function printable(text: string): string {
  const clean = text.slice(0, 2 * MAX_SHOWN).replace(UNPRINTABLE, '\ufffd');
  return clean.length <= MAX_SHOWN ? clean : `${clean.slice(0, MAX_SHOWN - 1)}…`;
}
