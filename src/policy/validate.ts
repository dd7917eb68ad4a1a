import { check, type Checked } from './check.ts';
import { MIRROR_POLICY, type MirrorPolicy } from './schema.ts';

/**
 * Checks one MirrorPolicy document. Each document stands for itself: what is wrong with one says nothing of another.
 * @param document plain data, as a YAML or JSON parser gives it
 */
export function validatePolicy(document: unknown): Checked<MirrorPolicy> {
  return check(MIRROR_POLICY, document);
}
