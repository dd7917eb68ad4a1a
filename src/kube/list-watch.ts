import type { ApiClient } from './api-client.ts';
import { ApiError, apiError } from './api-error.ts';
import { recordOf, textOf } from './json.ts';
import { jsonLines } from './json-lines.ts';

/** Where a type of objects is, and what people call it. */
export interface Collection {
  readonly name: string;
  readonly path: string;
}

/** Those of one namespace have an address of their own: the server need not look at all others. */
export function inNamespace({ name, path }: Collection, namespace: string): Collection {
  return { name, path: path.replace(/\/(?=[a-z]+$)/, `/namespaces/${encodeURIComponent(namespace)}/`) };
}

/** Label and field selectors, and the like. */
type Query = Readonly<Record<string, string>>;

export interface ListPage {
  readonly items: readonly unknown[];
  /** Version of the whole list. */
  readonly version: string;
}

const PAGE = '500';
/** As long as API servers themselves take for a request (`--request-timeout`). */
const LIST_TIMEOUT_MS = 60_000;

/**
 * Lists objects.
 * @param atLeast a version: the server answers from its memory, where pods are indexed by node, in one page. null: the
 *   newest state, for which older servers ask etcd for every object, in several pages.
 * @throws ApiError between pages too; 410 where the state that the first page is of is no longer there
 */
export async function* listPages(api: ApiClient, { name, path }: Collection, query: Query, atLeast: string | null, signal: AbortSignal): AsyncGenerator<ListPage> {
  const how = atLeast === null ? { limit: PAGE } : { resourceVersion: atLeast };
  let continueAt = '';
  do {
    const where = continueAt === '' ? {} : { continue: continueAt };
    const { metadata, items } = recordOf(await api.call({ path, query: { ...query, ...how, ...where }, signal, timeoutMs: LIST_TIMEOUT_MS }));
    const { resourceVersion, continue: next } = recordOf(metadata);
    if (!Array.isArray(items)) throw new ApiError(`the answer to a list of ${name} has no items`);
    const version = textOf(resourceVersion);
    if (version === '') throw new ApiError(`the answer to a list of ${name} has no resourceVersion`);
    yield { items, version };
    continueAt = textOf(next);
  } while (continueAt !== '');
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
  /** Everything up to this version has been told. */
  readonly version: string;
}

export interface WatchOptions {
  /** Version to begin after. */
  readonly version: string;
  /** The server is asked to end the watch after so long. */
  readonly seconds: number;
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Begins a watch with bookmarks; resolves when the server has taken it.
 * @returns its events; to read on throws ApiError where it breaks off, or sends what is no event, or an error
 */
export async function openWatch(api: ApiClient, { name, path }: Collection, selection: Query, options: WatchOptions): Promise<AsyncIterable<WatchEvent>> {
  const { version, seconds, silenceMs, signal } = options;
  const query = { ...selection, watch: '1', resourceVersion: version, allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) };
  const bytes = await api.stream({ path, query, signal, silenceMs });
  return eventsOf(bytes, { name, path });
}

async function* eventsOf(bytes: AsyncIterable<Uint8Array>, collection: Collection): AsyncGenerator<WatchEvent> {
  for await (const line of jsonLines(bytes)) yield eventOf(line, collection);
}

function eventOf(line: unknown, { name, path }: Collection): WatchEvent {
  const { type, object } = recordOf(line);
  const { metadata, code } = recordOf(object);
  switch (type) {
    case 'ERROR':
      throw apiError(`watch ${path} any longer`, typeof code === 'number' ? code : 0, object);
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK': {
      const version = textOf(recordOf(metadata)['resourceVersion']);
      if (version === '') throw new ApiError(`a watch of ${name} sent an event without resourceVersion`);
      return { type, object, version };
    }
    default:
      throw new ApiError(`a watch of ${name} sent what is no event: ${(JSON.stringify(line) ?? '').slice(0, 100)}`);
  }
}
