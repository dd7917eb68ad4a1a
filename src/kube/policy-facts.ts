import type { Checked } from '../policy/check.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { recordOf, textOf } from './json.ts';
import { nameOf } from './object-facts.ts';
import { policyOf } from './policy-document.ts';

/** A MirrorPolicy object, checked. */
export interface PolicyFacts {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Rises with each change of `spec`. */
  readonly generation: number;
  readonly checked: Checked<MirrorPolicy>;
}

/** @param previous what was kept of it before: it is kept on where only the status, labels or the like have changed */
export function policyFacts(object: unknown, previous?: PolicyFacts): PolicyFacts | null {
  const { namespace, name } = nameOf(object);
  const { uid, generation } = recordOf(recordOf(object)['metadata']);
  if (name === '' || namespace === '') return null;
  // Every object has one; of one that has none, nobody knows what has changed.
  const version = typeof generation === 'number' && generation > 0 ? generation : 0;
  if (version > 0 && previous?.uid === uid && previous?.generation === version) return previous;
  return { namespace, name, uid: textOf(uid), generation: version, checked: policyOf(object) };
}
