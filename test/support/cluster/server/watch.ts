import type { JsonObject, KubeObject } from '../objects.ts';
import type { Answer } from './answer.ts';
import type { Change, Collection, Watcher } from './collection.ts';
import { ApiError, gone } from './status.ts';
import type { Stored, View } from './stored.ts';

/** What a watch asks for. */
export interface WatchOptions {
  readonly view: View;
  readonly kind: string;
  readonly indexKey: string;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  matches(object: KubeObject): boolean;
  /** The version of everything, for bookmarks. */
  revision(): number;
}

const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' };

/** An open watch: writes a line of JSON for each change that concerns it. */
export class Watch implements Watcher {
  readonly indexKey: string;
  readonly answer: Answer;
  readonly #collection: Collection;
  readonly #options: WatchOptions;
  readonly #timer: NodeJS.Timeout;

  constructor(collection: Collection, answer: Answer, options: WatchOptions) {
    this.indexKey = options.indexKey;
    this.answer = answer;
    this.#collection = collection;
    this.#options = options;
    this.#timer = setTimeout(() => this.#timeOut(), options.timeoutMs);
    answer.onClose(() => this.#stop());
    if (!answer.isClosed) collection.watch(this);
  }

  onChange({ before, after, removed, revision }: Change): void {
    const { view, matches } = this.#options;
    const was = before !== null && matches(before.object);
    const is = !removed && matches(after.object);
    if (is) this.#event(after.line(was ? 'MODIFIED' : 'ADDED', view));
    else if (was) this.#event(removed ? after.line('DELETED', view) : before.line('DELETED', view, revision));
  }

  /** The resource went. */
  onClose(): void {
    this.end();
  }

  /** Tells of objects that were there before the watch. */
  replay(objects: readonly Stored[]): void {
    for (const stored of objects) if (this.#options.matches(stored.object)) this.#event(stored.line('ADDED', this.#options.view));
  }

  /** Marks that everything up to now has been sent. @returns whether the client asked for such marks */
  bookmark(isEndOfInitial = false): boolean {
    if (!this.#options.bookmarks) return false;
    const { kind, view } = this.#options;
    const metadata = { resourceVersion: String(this.#options.revision()), ...(isEndOfInitial && { annotations: INITIAL_EVENTS_END }) };
    if (!this.answer.fault.silent) this.write(lineOf('BOOKMARK', { kind, apiVersion: view.key, metadata }));
    return true;
  }

  sendEvent(type: string, object: JsonObject): void {
    this.#event(lineOf(type, object));
  }

  /** Tells that the watch cannot go on, and ends it. */
  fail(error: ApiError): void {
    this.write(lineOf('ERROR', error.body as unknown as JsonObject));
    this.end();
  }

  /** The versions that the watch needs are gone. */
  expire(from: number): void {
    this.fail(gone(`too old resource version: ${from} (${this.#collection.oldest})`));
  }

  write(bytes: Uint8Array): void {
    this.answer.write(bytes);
  }

  end(): void {
    this.#stop();
    void this.answer.end();
  }

  #event(line: Uint8Array): void {
    const { silent, bookmarksOnly, duplicate, delayMs = 0 } = this.answer.fault;
    if (silent || bookmarksOnly) return;
    const send = (): void => {
      this.write(line);
      if (duplicate) this.write(line);
    };
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  }

  #timeOut(): void {
    this.bookmark();
    this.end();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#collection.unwatch(this);
  }
}

function lineOf(type: string, object: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`);
}
