import type { Json } from '../objects.ts';
import { equal, isObject } from './json.ts';
import { ApiError, badRequest } from './status.ts';

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** JSON Patch (RFC 6902). Changes nothing in its arguments. */
export function jsonPatch(target: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  return patch.reduce<Json>((value, operation) => perform(value, operation as unknown as Operation), structuredClone(target));
}

function perform(root: Json, { op, path, from = '', value = null }: Operation): Json {
  switch (op) {
    case 'add':
      return put(root, path, value, 'add');
    case 'replace':
      read(root, path);
      return put(root, path, value, 'replace');
    case 'remove':
      return remove(root, path);
    case 'copy':
      return put(root, path, structuredClone(read(root, from)), 'add');
    case 'move': {
      const moved = read(root, from);
      return put(remove(root, from), path, moved, 'add');
    }
    case 'test':
      if (!equal(read(root, path), value)) throw unprocessable(`testing value ${path} failed`);
      return root;
    default:
      throw badRequest(`error decoding patch: unknown operation ${JSON.stringify(op)}`);
  }
}

/** JSON Pointer (RFC 6901). */
function tokensOf(path: string): string[] {
  if (path === '') return [];
  return path
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(root: Json, path: string): Json {
  let value: Json | undefined = root;
  for (const token of tokensOf(path)) {
    value = Array.isArray(value) ? value[Number(token)] : isObject(value) ? value[token] : undefined;
    if (value === undefined) throw unprocessable(`the path ${JSON.stringify(path)} does not exist`);
  }
  return value;
}

function put(root: Json, path: string, value: Json, mode: 'add' | 'replace'): Json {
  const tokens = tokensOf(path);
  const last = tokens.at(-1);
  if (last === undefined) return value;
  const parent = read(root, path.slice(0, path.lastIndexOf('/')));
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) throw unprocessable(`${path} is out of bounds`);
    parent.splice(index, mode === 'add' ? 0 : 1, value);
  } else if (isObject(parent)) {
    parent[last] = value;
  } else {
    throw unprocessable(`${path} is in no object or list`);
  }
  return root;
}

function remove(root: Json, path: string): Json {
  read(root, path);
  const parent = read(root, path.slice(0, path.lastIndexOf('/')));
  const last = tokensOf(path).at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isObject(parent)) delete parent[last];
  return root;
}

function unprocessable(why: string): ApiError {
  return new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`, {});
}
