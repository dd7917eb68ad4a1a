import { badRequest } from './status.ts';

/** What a request asks for, as authorisation sees it (apiserver's RequestInfo). */
export interface RequestInfo {
  /** As RBAC names it; for paths that are no resources the HTTP method in lower case. */
  readonly verb: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** Of the proxy: what follows it in the path, with its slash. */
  readonly rest: string;
  readonly params: URLSearchParams;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * Reads method and target: `/api/v1/namespaces/{namespace}/{plural}/{name}/{subresource}/…`, and the same under
 * `/apis/{group}/{version}`.
 */
export function parseRequest(method: string, target: string): RequestInfo {
  const url = new URL(target, 'http://server');
  const parts = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const [root] = parts;
  const prefix = root === 'api' ? 2 : root === 'apis' ? 3 : parts.length;
  const info = { path: url.pathname, params: url.searchParams, rest: '' };
  if (parts.length <= prefix) {
    const nothing = { group: '', version: '', plural: '', subresource: '', namespace: '', name: '' };
    return { ...info, ...nothing, verb: method.toLowerCase(), isResource: false };
  }
  const [group, version] = root === 'api' ? ['', parts[1] ?? ''] : [parts[1] ?? '', parts[2] ?? ''];
  let path = parts.slice(prefix);
  let namespace = '';
  const isNamespaced = path[0] === 'namespaces' && path.length > 2 && path[2] !== 'status' && path[2] !== 'finalize';
  if (isNamespaced) {
    namespace = path[1] ?? '';
    path = path.slice(2);
  } else if (path[0] === 'namespaces' && group === '') {
    namespace = path[1] ?? '';
  }
  const [plural = '', name = '', subresource = '', ...rest] = path;
  return {
    ...info,
    isResource: true,
    verb: verbOf(method, name, url.searchParams),
    group,
    version,
    plural,
    subresource,
    namespace,
    name: name || nameInSelector(method, url.searchParams),
    rest: rest.length === 0 && !url.pathname.endsWith('/') ? '' : `/${rest.map(encodeURIComponent).join('/')}`,
  };
}

function verbOf(method: string, name: string, params: URLSearchParams): string {
  const verb = VERBS[method] ?? method.toLowerCase();
  if (verb === 'get' && isTrue(params.get('watch'))) return 'watch';
  if (verb === 'get' && name === '') return 'list';
  return verb === 'delete' && name === '' ? 'deletecollection' : verb;
}

/** Lists and watches of one name are allowed by that name. */
function nameInSelector(method: string, params: URLSearchParams): string {
  const [, name = ''] = /(?:^|,)metadata\.name==?([^,]+)/.exec(params.get('fieldSelector') ?? '') ?? [];
  return method === 'POST' ? '' : name;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in ${JSON.stringify(part)}`);
  }
}

export function isTrue(param: string | null): boolean {
  return param === 'true' || param === '1' || param === '';
}

/** A parameter that counts; 0 where it is left out. */
export function countOf(params: URLSearchParams, name: string): number {
  const text = params.get(name) ?? '0';
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, Number(text));
}
