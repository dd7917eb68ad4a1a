/** What the pointers of a policy say of one place in a document. */
export interface PointerRule {
  readonly children: Map<string, PointerRule>;
  /** The element `*`. */
  every: PointerRule | null;
  ignored: boolean;
  /** What `redact.jsonFields` names. */
  secret: boolean;
  tolerance: Tolerance | null;
  /** A list whose order says nothing: elements of the pointer to their key, none where they are a multiset; null for other values. */
  key: readonly string[] | null;
}

/** How far two numbers may be apart: by `absolute`, or by the share `relative` of production's. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

export function newPointerRule(): PointerRule {
  return { children: new Map(), every: null, ignored: false, secret: false, tolerance: null, key: null };
}

/** The rule of a place, made where there is none. @param pointer RFC 6901; the element `*` stands for every name or position */
export function ruleAt(root: PointerRule, pointer: string): PointerRule {
  let rule = root;
  for (const name of elementsOf(pointer, '*')) {
    if (name === null) {
      rule = rule.every ??= newPointerRule();
      continue;
    }
    let child = rule.children.get(name);
    if (child === undefined) rule.children.set(name, (child = newPointerRule()));
    rule = child;
  }
  return rule;
}

/** Names in a pointer. */
export function namesOf(pointer: string): readonly string[] {
  return elementsOf(pointer, null).map((name) => name ?? '');
}

function elementsOf(pointer: string, wildcard: string | null): (string | null)[] {
  const elements = pointer.split('/').slice(1);
  return elements.map((element) => (element === wildcard ? null : element.replaceAll('~1', '/').replaceAll('~0', '~')));
}

const NONE: readonly PointerRule[] = [];

/** What rules of a place say of something in it. */
export function rulesBelow(rules: readonly PointerRule[], name: string): readonly PointerRule[] {
  let found: PointerRule[] | null = null;
  for (const rule of rules) {
    const child = rule.children.get(name);
    if (child !== undefined) (found ??= []).push(child);
    if (rule.every !== null) (found ??= []).push(rule.every);
  }
  return found ?? NONE;
}
