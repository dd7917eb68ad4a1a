/** Gives an endpoint the same number for as long as it is assigned; numbers are never given twice. */
export class EndpointIds {
  #ids = new Map<string, number>();
  #last = 0;

  /** @param endpoints all that are assigned now; one that was made anew under the same name has another `uid` */
  assign<E extends { readonly name: string; readonly uid?: string }>(endpoints: readonly E[]): (E & { readonly id: number })[] {
    const next = new Map<string, number>();
    const numbered = endpoints.map((endpoint) => {
      const key = JSON.stringify([endpoint.name, endpoint.uid]);
      const id = this.#ids.get(key) ?? ++this.#last;
      next.set(key, id);
      return { ...endpoint, id };
    });
    this.#ids = next;
    return numbered;
  }
}
