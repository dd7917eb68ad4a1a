import type { RequestInfo } from './request.ts';
import { countOf } from './request.ts';
import { apiVersionOf, type Resource } from './resource.ts';
import { selectionOf } from './selection.ts';
import { ApiError, badRequest, badVersion, forbidden, gone, invalid } from './status.ts';
import type { Store } from './store.ts';
import type { Stored } from './stored.ts';

/** What is left of a list that is read page by page: a state of the past. */
interface Snapshot {
  readonly items: readonly Stored[];
  readonly revision: number;
}

interface ContinueToken {
  readonly v: 'meta.k8s.io/v1';
  /** Revision of the first page; -1: whatever there is now. */
  readonly rv: number;
  readonly snapshot: number;
  /** The last key of the page before. */
  readonly start: string;
}

const MAX_SNAPSHOTS = 1000;

/** Lists, page by page where a `limit` asks for it (Kubernetes documentation, API concepts, "Retrieving large results sets in chunks"). */
export class Lists {
  readonly #store: Store;
  readonly #snapshots = new Map<number, Snapshot>();
  #last = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @returns the JSON of the list */
  list(resource: Resource, info: RequestInfo): string {
    const { params } = info;
    const limit = countOf(params, 'limit');
    const token = params.get('continue') ?? '';
    const version = params.get('resourceVersion') ?? '';
    checkVersion(version, params.get('resourceVersionMatch') ?? '', token, this.#store);
    const selection = selectionOf(resource, info);
    const { items, revision } =
      token === '' ? this.#now(resource, selection.indexKey, selection.matches) : this.#rest(resource, token, selection);
    // As kube-apiserver's cache, which answers these and does not page.
    const isPaged = limit > 0 && version !== '0';
    const page = isPaged ? items.slice(0, limit) : items;
    // Lists of custom resources always have the field.
    const metadata: Record<string, unknown> = { resourceVersion: String(revision), ...(resource.custom && { continue: '' }) };
    if (page.length < items.length) {
      const snapshot = this.#keep({ items: items.slice(limit), revision });
      metadata['continue'] = encodeToken({ v: 'meta.k8s.io/v1', rv: revision, snapshot, start: page.at(-1)!.key });
      if (!selection.isNarrowed) metadata['remainingItemCount'] = items.length - page.length;
    }
    const head = { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata };
    return `${JSON.stringify(head).slice(0, -1)},"items":[${page.map((stored) => stored.json(resource.itemView)).join(',')}]}`;
  }

  forgetSnapshots(): void {
    this.#snapshots.clear();
  }

  #now(resource: Resource, indexKey: string, matches: (object: Stored['object']) => boolean): Snapshot {
    const items = this.#store
      .collection(resource.storeKey)
      .list(indexKey)
      .filter((stored) => matches(stored.object));
    return { items, revision: this.#store.revision };
  }

  #rest(resource: Resource, text: string, { indexKey, matches }: ReturnType<typeof selectionOf>): Snapshot {
    const token = decodeToken(text);
    const snapshot = this.#snapshots.get(token.snapshot);
    if (token.rv >= 0 && snapshot !== undefined) return snapshot;
    if (token.rv >= 0) throw gone(TOO_OLD, encodeToken({ ...token, rv: -1 }));
    const { items, revision } = this.#now(resource, indexKey, matches);
    return { items: items.filter(({ key }) => key > token.start), revision };
  }

  #keep(snapshot: Snapshot): number {
    this.#snapshots.set(++this.#last, snapshot);
    this.#snapshots.delete(this.#last - MAX_SNAPSHOTS);
    return this.#last;
  }
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
  'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
  'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
  'returned and now may show up in the list.';

function checkVersion(version: string, match: string, token: string, store: Store): void {
  if (match !== '' && version === '')
    throw invalid('meta.k8s.io', 'ListOptions', '', [
      forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
    ]);
  if (token !== '' && version !== '' && version !== '0') throw badRequest('specifying resource version is not allowed when using continue');
  if (version === '' || version === '0') return;
  if (!/^\d+$/.test(version)) throw badVersion(version);
  if (match === 'Exact' && Number(version) < store.revision) throw gone(`The provided resource version is too old: ${version}`);
  if (Number(version) > store.revision) {
    const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
    const message = `Timeout: Too large resource version: ${version}, current: ${store.revision}`;
    throw new ApiError(504, 'Timeout', message, { causes: [cause], retryAfterSeconds: 1 });
  }
}

function encodeToken(token: ContinueToken): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeToken(text: string): ContinueToken {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as ContinueToken;
    if (token.v === 'meta.k8s.io/v1') return token;
  } catch {
    // Said below.
  }
  throw badRequest('continue key is not valid');
}
