import type { PlaceNode } from './json-places.ts';
import { MAX_DEPTH } from './json-scan.ts';
import { nameOf } from './json-string.ts';

/** Where in a document a walk is. Places get their names only when somebody asks. */
export class JsonPath {
  depth = 0;
  #json: Buffer = Buffer.alloc(0);
  /** Of the step that leads to each depth, the name in the document, or as `start` the position and as `end` POSITION. */
  readonly #start = new Int32Array(MAX_DEPTH + 2);
  readonly #end = new Int32Array(MAX_DEPTH + 2);
  /** Of each depth, as far as it is known: `#known` of them. */
  readonly #nodes: PlaceNode[] = [];
  #known = 0;

  /** @param json the document that names are in, borrowed */
  begin(root: PlaceNode, json: Buffer): void {
    this.#json = json;
    this.#nodes[0] = root;
    this.#known = 1;
    this.depth = 0;
  }

  /** Into a member. @param start of its name, without quotes */
  enterMember(start: number, end: number): void {
    this.#enter(start, end);
  }

  /** Into an element. @param index -1 where it has no position of its own */
  enterElement(index: number): void {
    this.#enter(index, POSITION);
  }

  leave(): void {
    this.depth -= 1;
    this.changed(this.depth + 1);
  }

  /** Says what step leads to a depth. @param start @param end as of `enterMember`, or a position and POSITION */
  setStep(depth: number, start: number, end: number): void {
    this.#start[depth] = start;
    this.#end[depth] = end;
    this.changed(depth);
  }

  /** The step that leads to this depth is another one than it was. */
  changed(depth: number): void {
    if (this.#known > depth) this.#known = depth;
  }

  /** The place where the walk is. */
  node(): PlaceNode {
    for (; this.#known <= this.depth; this.#known++) {
      const parent = this.#nodes[this.#known - 1]!;
      const start = this.#start[this.#known]!;
      const end = this.#end[this.#known]!;
      this.#nodes[this.#known] = end === POSITION ? parent.element(start) : parent.member(nameOf(this.#json, start, end));
    }
    return this.#nodes[this.depth]!;
  }

  get isInList(): boolean {
    for (let depth = 1; depth <= this.depth; depth++) if (this.#end[depth] === POSITION) return true;
    return false;
  }

  #enter(start: number, end: number): void {
    this.depth += 1;
    this.#start[this.depth] = start;
    this.#end[this.depth] = end;
  }
}

/** The end of a step that is a position. */
export const POSITION = -1;
