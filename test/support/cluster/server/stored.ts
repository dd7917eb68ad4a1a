import type { KubeObject } from '../objects.ts';

/** How an object is shown: in which version, whole or its metadata alone. */
export interface View {
  /** Tells views apart. */
  readonly key: string;
  show(object: KubeObject): KubeObject;
}

/** An object as it is stored. It never changes: a write makes a new one. Its JSON is made once for each view. */
export class Stored {
  readonly key: string;
  readonly object: KubeObject;
  readonly revision: number;
  readonly #json = new Map<string, string>();
  readonly #lines = new Map<string, Buffer>();

  constructor(key: string, object: KubeObject, revision: number) {
    this.key = key;
    this.object = object;
    this.revision = revision;
  }

  json(view: View): string {
    let json = this.#json.get(view.key);
    if (json === undefined) this.#json.set(view.key, (json = JSON.stringify(view.show(this.object))));
    return json;
  }

  /**
   * A line of a watch. All watches share its bytes.
   * @param revision its version, where that is another than the object's: the last state of one that went
   */
  line(type: 'ADDED' | 'MODIFIED' | 'DELETED', view: View, revision = this.revision): Buffer {
    const key = `${type} ${view.key} ${revision}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      const json = revision === this.revision ? this.json(view) : JSON.stringify(view.show(withRevision(this.object, revision)));
      this.#lines.set(key, (line = Buffer.from(`{"type":"${type}","object":${json}}\n`)));
    }
    return line;
  }
}

function withRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
