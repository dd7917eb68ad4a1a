import type { KindRef, KubeObject } from '../objects.ts';
import { BUILTIN } from './builtin.ts';
import { customResources } from './custom.ts';
import { type Resource, splitApiVersion } from './resource.ts';

/** The resources that are served: built-in ones, and those of the definitions in the store. */
export class Registry {
  readonly #resources = new Map<string, Resource>();

  constructor() {
    for (const resource of BUILTIN) this.#resources.set(pathOf(resource), resource);
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#resources.get(`${group}/${version}/${plural}`);
  }

  /** The resource of an object. @throws if there is none */
  of({ apiVersion, kind }: KindRef): Resource {
    const { group, version } = splitApiVersion(apiVersion);
    const found = this.all.find((resource) => resource.group === group && resource.version === version && resource.kind === kind);
    if (found === undefined) throw new Error(`the test server has no ${kind} in ${apiVersion}`);
    return found;
  }

  get all(): Resource[] {
    return [...this.#resources.values()];
  }

  /** Serves what a definition says, in place of what an older one said. */
  define(definition: KubeObject): void {
    this.undefine(definition);
    for (const resource of customResources(definition)) this.#resources.set(pathOf(resource), resource);
  }

  undefine(definition: KubeObject): void {
    for (const [path, resource] of this.#resources) {
      if (resource.custom && `${resource.plural}.${resource.group}` === definition.metadata.name) this.#resources.delete(path);
    }
  }
}

function pathOf({ group, version, plural }: Resource): string {
  return `${group}/${version}/${plural}`;
}
