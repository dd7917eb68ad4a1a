import type { JsonObject } from '../objects.ts';
import type { Registry } from './registry.ts';
import type { Resource } from './resource.ts';

/** Says that it is such a version; a test server says so too. */
export const VERSION = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.0+test',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
};

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCE_VERBS: Readonly<Record<string, readonly string[]>> = {
  status: ['get', 'patch', 'update'],
  proxy: ['create', 'delete', 'get', 'patch', 'update'],
};

/** Answers of the discovery API: which groups, versions and resources there are. @returns null for other paths */
export function discover(registry: Registry, path: string): JsonObject | null {
  const parts = path.split('/').filter((part) => part !== '');
  const [root, group = '', version = ''] = parts;
  if (root === 'api' && parts.length === 1) {
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  }
  if (root === 'api' && parts.length === 2) return resourceList(registry, '', group);
  if (root !== 'apis' || parts.length > 3) return null;
  if (parts.length === 1) return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(registry) };
  if (parts.length === 3) return resourceList(registry, group, version);
  const found = groupsOf(registry).find(({ name }) => name === group);
  return found === undefined ? null : { kind: 'APIGroup', apiVersion: 'v1', ...found };
}

function groupsOf(registry: Registry): JsonObject[] {
  const versions = new Map<string, Set<string>>([['authorization.k8s.io', new Set(['v1'])]]);
  for (const { group, version } of registry.all) {
    if (group !== '') versions.set(group, (versions.get(group) ?? new Set()).add(version));
  }
  return [...versions].map(([name, names]) => {
    const list = [...names].map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions: list, preferredVersion: list[0]! };
  });
}

function resourceList(registry: Registry, group: string, version: string): JsonObject | null {
  const resources = registry.all.filter((resource) => resource.group === group && resource.version === version).flatMap(describe);
  const virtual = group === 'authorization.k8s.io' && version === 'v1' ? [ACCESS_REVIEW] : [];
  if (resources.length + virtual.length === 0) return null;
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [...resources, ...virtual] };
}

const ACCESS_REVIEW: JsonObject = {
  name: 'selfsubjectaccessreviews',
  singularName: 'selfsubjectaccessreview',
  namespaced: false,
  kind: 'SelfSubjectAccessReview',
  verbs: ['create'],
};

function describe(resource: Resource): JsonObject[] {
  const { plural, singular, kind, namespaced, shortNames, categories, subresources } = resource;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: VERBS,
    ...(shortNames.length > 0 && { shortNames: [...shortNames] }),
    ...(categories.length > 0 && { categories: [...categories] }),
  };
  const parts = subresources.map((name) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    kind,
    verbs: [...(SUBRESOURCE_VERBS[name] ?? ['create'])],
  }));
  return [main, ...parts];
}
