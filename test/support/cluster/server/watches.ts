import type { SeenRequest } from '../faults.ts';
import type { Answer } from './answer.ts';
import type { Clock } from './clock.ts';
import type { Collection } from './collection.ts';
import { countOf, isTrue, type RequestInfo } from './request.ts';
import type { Resource } from './resource.ts';
import { headersOf } from './respond.ts';
import { selectionOf } from './selection.ts';
import { badVersion, forbidden, gone, invalid } from './status.ts';
import type { Store } from './store.ts';
import { Watch } from './watch.ts';

/** How long a watch lives that names no time: half an hour at least, as in kube-apiserver. */
const MIN_LIFE_MS = 30 * 60_000;

/** Opens watches (Kubernetes documentation, API concepts, "Efficient detection of changes"), and knows those that are open. */
export class Watches {
  /** How a watch from a forgotten version learns of it. */
  goneAs: 'event' | 'status' = 'event';
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #open = new Set<Watch>();
  readonly #bookmarks: NodeJS.Timeout;

  /** @param bookmarkMs how often bookmarks are sent */
  constructor(store: Store, clock: Clock, bookmarkMs: number) {
    this.#store = store;
    this.#clock = clock;
    this.#bookmarks = setInterval(() => this.matching(() => true).forEach((watch) => watch.bookmark()), bookmarkMs);
    this.#bookmarks.unref();
  }

  /** @throws ApiError before the answer begins; later errors are events */
  open(resource: Resource, info: RequestInfo, answer: Answer): void {
    const { params } = info;
    const selection = selectionOf(resource, info);
    const seconds = countOf(params, 'timeoutSeconds');
    const sendsInitial = this.#wantsInitialEvents(params);
    const from = this.#startOf(params.get('resourceVersion') ?? '');
    const collection = this.#store.collection(resource.storeKey);
    const missed = from === null || sendsInitial ? [] : collection.since(from);
    if (missed === null && this.goneAs === 'status') throw gone(`too old resource version: ${from} (${collection.oldest})`);
    answer.head(200, headersOf(this.#clock));
    const watch = new Watch(collection, answer, {
      view: resource.view,
      kind: resource.kind,
      indexKey: selection.indexKey,
      bookmarks: isTrue(params.get('allowWatchBookmarks')),
      timeoutMs: seconds > 0 ? seconds * 1000 : MIN_LIFE_MS * (1 + Math.random()),
      matches: selection.matches,
      revision: () => this.#store.revision,
    });
    this.#open.add(watch);
    answer.onClose(() => this.#open.delete(watch));
    if (missed === null) return watch.expire(from ?? 0);
    this.#begin(watch, collection, from === null || sendsInitial, missed);
    if (sendsInitial) watch.bookmark(true);
  }

  /** The open watches whose requests fit. */
  matching(fits: (request: SeenRequest) => boolean): Watch[] {
    return [...this.#open].filter((watch) => fits(watch.answer.request));
  }

  close(): void {
    clearInterval(this.#bookmarks);
    for (const watch of this.#open) watch.end();
  }

  #begin(watch: Watch, collection: Collection, withState: boolean, missed: Exclude<ReturnType<Collection['since']>, null>): void {
    if (withState) watch.replay(collection.list(watch.indexKey));
    else for (const change of missed) watch.onChange(change);
  }

  /** @returns the version to begin after; null to begin with the state of now */
  #startOf(version: string): number | null {
    if (version === '' || version === '0') return null;
    if (!/^\d+$/.test(version)) throw badVersion(version);
    return Number(version);
  }

  #wantsInitialEvents(params: URLSearchParams): boolean {
    const asked = params.get('sendInitialEvents');
    if (asked === null) return false;
    if (params.get('resourceVersionMatch') !== 'NotOlderThan') {
      const message = 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
      throw invalid('meta.k8s.io', 'ListOptions', '', [forbidden('resourceVersionMatch', message)]);
    }
    return isTrue(asked);
  }
}
