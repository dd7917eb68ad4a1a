import type { Draft, Fields } from './shop.ts';

/** Something that version 2 does wrong in a share of the requests to one endpoint. */
export interface Defect {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** Paths of the endpoint: its requests' and its template's. */
  readonly path: RegExp;
  /** Where a comparison may find it. */
  readonly where: RegExp;
  spoil(draft: Draft): void;
}

function fields(draft: Draft): Fields {
  return draft.body as Fields;
}

function list(draft: Draft, name: string): Fields[] {
  return fields(draft)[name] as Fields[];
}

const PRODUCT = /^\/products\/[^/?]+$/;
const PAGE = /^\/products(\?|$)/;
const REVIEWS = /^\/products\/[^/]+\/reviews$/;
const USER = /^\/users\/[^/]+$/;
const CART = /^\/cart\/[^/]+$/;
const ORDERS = /^\/orders$/;
const SEARCH = /^\/search$/;
const HEALTH = /^\/health$/;

/** The endpoint `/rates` has none: it only varies. */
export const DEFECTS: readonly Defect[] = [
  {
    name: 'wrong value',
    method: 'GET',
    path: PRODUCT,
    where: /^body \/price$/,
    spoil: (draft) => (fields(draft)['price'] = Number(((fields(draft)['price'] as number) * 1.19).toFixed(2))),
  },
  {
    name: 'rounding',
    method: 'GET',
    path: PRODUCT,
    where: /^body \/weight$/,
    spoil: (draft) => (fields(draft)['weight'] = (fields(draft)['weight'] as number) + 0.001),
  },
  {
    name: 'type change',
    method: 'GET',
    path: PAGE,
    // The entity tag is made of the content, so it tells as well.
    where: /^(body \/items\/-\/stock|header etag)$/,
    spoil: (draft) => (list(draft, 'items')[3]!['stock'] = String(list(draft, 'items')[3]!['stock'])),
  },
  { name: 'list cut short', method: 'GET', path: REVIEWS, where: /^body \/reviews/, spoil: (draft) => list(draft, 'reviews').pop() },
  { name: 'missing field', method: 'GET', path: USER, where: /^body \/email$/, spoil: (draft) => delete fields(draft)['email'] },
  { name: 'added field', method: 'GET', path: USER, where: /^body \/debug$/, spoil: (draft) => (fields(draft)['debug'] = { shard: 3 }) },
  { name: 'header', method: 'GET', path: CART, where: /^header cache-control$/, spoil: (draft) => (draft.headers['cache-control'] = 'private') },
  { name: 'status', method: 'POST', path: ORDERS, where: /^status$/, spoil: (draft) => (draft.status = 200) },
  { name: 'null', method: 'POST', path: ORDERS, where: /^body \/discount$/, spoil: (draft) => (fields(draft)['discount'] = null) },
  { name: 'order', method: 'POST', path: SEARCH, where: /^body \/results/, spoil: (draft) => list(draft, 'results').reverse() },
  { name: 'text', method: 'GET', path: HEALTH, where: /^body$/, spoil: (draft) => (draft.body = 'OK\n') },
];
