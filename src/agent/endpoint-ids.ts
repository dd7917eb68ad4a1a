import type { ConfiguredEndpoint } from '../config.ts';

/** Gives an endpoint the same number for as long as the agent lives, however often its configuration is read. */
export class EndpointIds {
  readonly #ids = new Map<string, number>();

  assign(endpoints: readonly ConfiguredEndpoint[]): ConfiguredEndpoint[] {
    return endpoints.map((endpoint) => {
      const id = this.#ids.get(endpoint.name) ?? this.#ids.size + 1;
      this.#ids.set(endpoint.name, id);
      return { ...endpoint, id };
    });
  }
}
