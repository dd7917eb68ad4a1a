import type { KubeObject } from '../objects.ts';
import type { User } from './authentication.ts';
import { ApiError } from './status.ts';
import type { Store } from './store.ts';

/** What somebody wants to do. */
export type Access =
  | {
      readonly verb: string;
      readonly group: string;
      readonly plural: string;
      readonly subresource: string;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly verb: string; readonly path: string };

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Role-based access control, from the roles and bindings in the store. What no rule allows is forbidden. */
export class Authorizer {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  allows(user: User, access: Access): boolean {
    const namespace = 'plural' in access ? access.namespace : '';
    for (const rules of this.#rulesOf(user, namespace)) if (rules.some((rule) => ruleAllows(rule, access))) return true;
    return false;
  }

  /** @throws ApiError 403 with the message that Kubernetes gives */
  require(user: User, access: Access): void {
    if (this.allows(user, access)) return;
    if (!('plural' in access)) {
      const message = `forbidden: User ${JSON.stringify(user.name)} cannot ${access.verb} path ${JSON.stringify(access.path)}`;
      throw new ApiError(403, 'Forbidden', message, {});
    }
    const { verb, group, plural, subresource, namespace, name } = access;
    const resource = subresource === '' ? plural : `${plural}/${subresource}`;
    const what = group === '' ? plural : `${plural}.${group}`;
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
    const request = `${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)}`;
    const who = `User ${JSON.stringify(user.name)} cannot ${request} ${where}`;
    const subject = name === '' ? what : `${what} ${JSON.stringify(name)}`;
    throw new ApiError(403, 'Forbidden', `${subject} is forbidden: ${who}`, {
      ...(name && { name }),
      ...(group && { group }),
      kind: plural,
    });
  }

  *#rulesOf(user: User, namespace: string): Generator<readonly Rule[]> {
    for (const { object } of this.#collection('clusterrolebindings').list()) {
      if (isBoundTo(object, user)) yield this.#rulesIn(object, '');
    }
    if (namespace === '') return;
    for (const { object } of this.#collection('rolebindings').list(`metadata.namespace=${namespace}`)) {
      if (isBoundTo(object, user)) yield this.#rulesIn(object, namespace);
    }
  }

  #rulesIn(binding: KubeObject, namespace: string): readonly Rule[] {
    const { kind, name } = binding['roleRef'] as { kind: string; name: string };
    const role = kind === 'Role' ? this.#collection('roles').get(`${namespace}/${name}`) : this.#collection('clusterroles').get(name);
    return (role?.object['rules'] as readonly Rule[] | undefined) ?? [];
  }

  #collection(plural: string): ReturnType<Store['collection']> {
    return this.#store.collection(`${plural}.rbac.authorization.k8s.io`);
  }
}

function isBoundTo(binding: KubeObject, user: User): boolean {
  const subjects = (binding['subjects'] as readonly Subject[] | undefined) ?? [];
  return subjects.some(({ kind, name, namespace }) => {
    if (kind === 'Group') return user.groups.includes(name);
    if (kind === 'ServiceAccount') return user.name === `system:serviceaccount:${namespace}:${name}`;
    return kind === 'User' && user.name === name;
  });
}

function ruleAllows(rule: Rule, access: Access): boolean {
  if (!has(rule.verbs, access.verb)) return false;
  if (!('plural' in access)) {
    return (rule.nonResourceURLs ?? []).some((url) => (url.endsWith('*') ? access.path.startsWith(url.slice(0, -1)) : access.path === url));
  }
  const { group, plural, subresource, name } = access;
  const names = rule.resourceNames ?? [];
  const wanted = subresource === '' ? [plural] : [`${plural}/${subresource}`, `*/${subresource}`];
  const isResource = wanted.some((resource) => has(rule.resources ?? [], resource));
  return has(rule.apiGroups ?? [], group) && isResource && (names.length === 0 || (name !== '' && names.includes(name)));
}

function has(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}
