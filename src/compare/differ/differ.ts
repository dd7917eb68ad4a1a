import type { Answer, Question } from '../answer.ts';
import type { Difference } from '../difference.ts';
import { Masker, PLAIN, WORDS } from '../examples/mask.ts';
import { ContentDiffer } from './content-differ.ts';
import { headerOf } from './content.ts';
import { FoundList, MAX_DIFFERENCES } from './found.ts';
import { describeStatus, grpcStatus, STATUS_FIELDS, trailersOf } from './grpc.ts';
import { HeaderDiffer } from './headers.ts';
import { PlaceTable } from './json/json-places.ts';
import type { CompareRules } from './rules.ts';

/**
 * Tells in what two answers to one request differ, by the rules of one policy. Nothing is made of what is equal, and what
 * is made (places, the list) is used again.
 */
export class Differ {
  readonly #rules: CompareRules;
  readonly #table: PlaceTable;
  readonly #found: FoundList;
  readonly #headers: HeaderDiffer;
  readonly #trailers: HeaderDiffer;
  readonly #content: ContentDiffer;

  constructor(rules: CompareRules) {
    this.#rules = rules;
    this.#table = new PlaceTable(rules);
    this.#found = new FoundList(new Masker(rules.examples));
    this.#headers = new HeaderDiffer(rules, 'header', this.#table, { never: STATUS_FIELDS });
    this.#trailers = new HeaderDiffer(rules, 'trailer', this.#table, { always: ['grpc-message'], never: ['grpc-status'] });
    this.#content = new ContentDiffer(rules, this.#table, this.#found);
  }

  /**
   * @returns each place at which they differ, once; empty where they do not. Borrowed until the next call, together with both
   * answers' content: what is to be kept must be copied, texts (which are written out when they are asked for) as well.
   * 'encoding' where content cannot be decoded within the policy's bounds.
   */
  differences(question: Question, production: Answer, mirror: Answer): readonly Difference[] | 'encoding' {
    const found = this.#found;
    this.#forget();
    found.begin();
    if (!this.#status(production, mirror) || (question.grpc && !this.#grpcStatus(production, mirror))) return found.list;
    this.#headers.compare(production.headers, mirror.headers, found);
    if (question.grpc) this.#trailers.compare(trailersOf(production), trailersOf(mirror), found);
    else this.#trailers.compare(production.trailers, mirror.trailers, found);
    if (question.method === 'HEAD') this.#contentLength(production, mirror);
    else if (hasContent(production) && hasContent(mirror) && !this.#content.compare(question, production, mirror)) return 'encoding';
    if (found.isOver) this.#andMore();
    return found.list;
  }

  /** @returns false where nothing else needs to be compared, as everything follows from it */
  #status(production: Answer, mirror: Answer): boolean {
    if (production.status === mirror.status) return true;
    const place = this.#table.of('status');
    if (place.ignored) return true;
    const found = this.#found.add(place, 'status');
    found?.ofProduction.setText(PLAIN, String(production.status));
    found?.ofMirror.setText(PLAIN, String(mirror.status));
    return Math.floor(production.status / 100) === Math.floor(mirror.status / 100);
  }

  /** Likewise. */
  #grpcStatus(production: Answer, mirror: Answer): boolean {
    const ours = grpcStatus(production);
    const theirs = grpcStatus(mirror);
    if (ours === theirs) return true;
    const place = this.#table.of('trailer grpc-status');
    if (place.ignored || this.#rules.ignoredHeaders.has('grpc-status')) return true;
    const found = this.#found.add(place, 'grpc-status');
    found?.ofProduction.setText(PLAIN, describeStatus(ours));
    found?.ofMirror.setText(PLAIN, describeStatus(theirs));
    return false;
  }

  /** All that is to be known of content that is not sent (RFC 9110 section 8.6: it may be left out). */
  #contentLength(production: Answer, mirror: Answer): void {
    const { headers, ignoredHeaders } = this.#rules;
    if (headers !== null || ignoredHeaders.has('content-length')) return;
    const ours = headerOf(production.headers, 'content-length');
    const theirs = headerOf(mirror.headers, 'content-length');
    if (ours === theirs || ours === '' || theirs === '') return;
    if (headerOf(production.headers, 'content-encoding') !== headerOf(mirror.headers, 'content-encoding')) return;
    const found = this.#found.add(this.#table.of('header content-length'), 'header');
    found?.ofProduction.setText(WORDS, ours);
    found?.ofMirror.setText(WORDS, theirs);
  }

  #andMore(): void {
    const { list } = this.#found;
    const last = list.at(-1)!;
    last.where = 'body';
    last.kind = 'field';
    last.instead = '';
    last.ofProduction.setText(PLAIN, `more than ${MAX_DIFFERENCES - 1} places differ`);
    last.ofMirror.setText(PLAIN, `more than ${MAX_DIFFERENCES - 1} places differ`);
  }

  /** Between pairs, so that no pair loses a place. */
  #forget(): void {
    this.#headers.trim();
    this.#trailers.trim();
    if (!this.#table.isFull) return;
    this.#table.clear();
    this.#headers.clear();
    this.#trailers.clear();
    this.#content.clear();
  }
}

/** Statuses without content whatever the head says: RFC 9110 sections 15.3.5 and 15.4.5. */
function hasContent({ status }: Answer): boolean {
  return status !== 204 && status !== 304;
}
