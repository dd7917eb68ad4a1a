import type { Redactor } from '../../mirror/redact.ts';
import type { DifferenceKind } from '../difference.ts';
import { isSecretName } from '../examples/kinds.ts';
import { HIDDEN, REDACTED, TEXT, WORDS, type Form, type Shown } from '../examples/mask.ts';
import type { FoundList } from './found.ts';
import { meaningOf, SHOWN_HEADERS, type HeaderMeaning } from './header-table.ts';
import { canonical } from './header-values.ts';
import type { Place, PlaceTable } from './json/json-places.ts';
import type { CompareRules } from './rules.ts';

/** One header, whatever the case of its name, and its values in the pair that is compared. */
class Header {
  readonly name: string;
  readonly isCompared: boolean;
  readonly meaning: HeaderMeaning | null;
  readonly place: Place;
  readonly form: Form;
  /** What is shown in place of its values, or empty. */
  readonly instead: string;
  readonly production: string[] = [];
  readonly mirror: string[] = [];

  constructor(name: string, isCompared: boolean, place: Place, instead: string) {
    const meaning = meaningOf(name);
    this.name = name;
    this.isCompared = isCompared;
    this.meaning = meaning === 'ignored' ? null : meaning;
    this.place = place;
    this.form = SHOWN_HEADERS.has(name) || this.meaning === 'cookies' ? WORDS : TEXT;
    this.instead = instead;
  }
}

/** Names are kept as they were spelt, up to this many; beyond, all are forgotten. */
const MAX_NAMES = 1024;

const ADDRESSES: ReadonlySet<string> = new Set(['location', 'content-location', 'referer', 'refresh', 'link']);

/** Compares heads, or trailers. Order of names says nothing, order of fields with the same name does. */
export class HeaderDiffer {
  readonly #rules: CompareRules;
  readonly #kind: 'header' | 'trailer';
  readonly #always: readonly string[];
  readonly #never: readonly string[];
  readonly #table: PlaceTable;
  readonly #byName = new Map<string, Header>();
  readonly #bySpelling = new Map<string, Header>();
  /** Of the pair that is compared. */
  readonly #present: Header[] = [];

  /** @param names those that are compared whatever headers the policy chooses, and those that somebody else compares */
  constructor(rules: CompareRules, kind: 'header' | 'trailer', table: PlaceTable, names: { always?: readonly string[]; never: readonly string[] }) {
    this.#rules = rules;
    this.#kind = kind;
    this.#table = table;
    this.#always = names.always ?? [];
    this.#never = names.never;
  }

  /** @param production flat: name, value, name, value; likewise the mirror's */
  compare(production: readonly string[], mirror: readonly string[], found: FoundList): void {
    if (this.#areEqual(production, mirror)) return;
    for (let i = 0; i + 1 < production.length; i += 2) {
      const header = this.#header(production[i]!);
      if (!header.isCompared) continue;
      if (header.production.length === 0) this.#present.push(header);
      header.production.push(production[i + 1]!);
    }
    for (let i = 0; i + 1 < mirror.length; i += 2) {
      const header = this.#header(mirror[i]!);
      if (!header.isCompared) continue;
      if (header.production.length === 0 && header.mirror.length === 0) this.#present.push(header);
      header.mirror.push(mirror[i + 1]!);
    }
    for (const header of this.#present) {
      this.#compareOne(header, found);
      header.production.length = 0;
      header.mirror.length = 0;
    }
    this.#present.length = 0;
  }

  /** Field by field, but for those that are not compared: as most heads are. */
  #areEqual(production: readonly string[], mirror: readonly string[]): boolean {
    if (production.length !== mirror.length) return false;
    for (let i = 0; i + 1 < production.length; i += 2) {
      if (production[i] !== mirror[i]) return false;
      if (production[i + 1] !== mirror[i + 1] && this.#header(production[i]!).isCompared) return false;
    }
    return true;
  }

  /** Forgets names, once there are many: between pairs. */
  trim(): void {
    if (this.#bySpelling.size >= MAX_NAMES) this.clear();
  }

  clear(): void {
    this.#byName.clear();
    this.#bySpelling.clear();
  }

  #compareOne(header: Header, found: FoundList): void {
    const { production, mirror, meaning } = header;
    if (production.length === 1 && mirror.length === 1 && production[0] === mirror[0]) return;
    const ours = production.length === 0 ? '' : canonical(header.name, meaning, production);
    const theirs = mirror.length === 0 ? '' : canonical(header.name, meaning, mirror);
    if (production.length === 0) return theirs === '' && meaning === 'set' ? undefined : this.#add(header, 'added', '', theirs, found);
    if (mirror.length === 0) return ours === '' && meaning === 'set' ? undefined : this.#add(header, 'missing', ours, '', found);
    if (ours !== theirs) this.#add(header, this.#kind, ours, theirs, found);
  }

  #add(header: Header, kind: DifferenceKind, production: string, mirror: string, list: FoundList): void {
    const found = list.add(header.place, kind);
    if (found === null) return;
    found.instead = header.instead;
    if (kind !== 'added') this.#fill(found.ofProduction, header, production);
    if (kind !== 'missing') this.#fill(found.ofMirror, header, mirror);
  }

  #fill(shown: Shown, { name, form }: Header, value: string): void {
    shown.setText(form, this.#rules.redactor !== null && ADDRESSES.has(name) ? withoutSecretQuery(value, this.#rules.redactor) : value);
  }

  #header(spelling: string): Header {
    return this.#bySpelling.get(spelling) ?? this.#newSpelling(spelling);
  }

  #newSpelling(spelling: string): Header {
    const name = spelling.toLowerCase();
    let header = this.#byName.get(name);
    if (header === undefined) {
      const place = this.#table.of(`${this.#kind} ${name}`);
      const instead = this.#rules.secretHeaders.has(name) ? REDACTED : isHidden(name) ? HIDDEN : '';
      this.#byName.set(name, (header = new Header(name, this.#isCompared(name, place), place, instead)));
    }
    this.#bySpelling.set(spelling, header);
    return header;
  }

  #isCompared(name: string, place: Place): boolean {
    // Pseudo-headers of HTTP/2 are no headers: the status is compared by itself.
    if (name.startsWith(':') || place.ignored || this.#rules.ignoredHeaders.has(name)) return false;
    if (this.#never.includes(name)) return false;
    if (this.#always.includes(name)) return true;
    return this.#rules.headers === null ? meaningOf(name) !== 'ignored' : this.#rules.headers.has(name);
  }
}

/** Challenges hold what only their receiver is to know. Of cookies only names and attributes are written out. */
function isHidden(name: string): boolean {
  return name !== 'set-cookie' && (isSecretName(name) || name === 'www-authenticate' || name === 'proxy-authenticate');
}

function withoutSecretQuery(address: string, redactor: Redactor): string {
  const mark = address.search(/[?#]/);
  return mark < 0 ? address : address.slice(0, mark) + redactor.query(address.slice(mark));
}
