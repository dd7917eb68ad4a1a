import type { Checked } from '../policy/check.ts';
import type { MirrorPolicy } from '../policy/schema.ts';
import { validatePolicy } from '../policy/validate.ts';
import { isRecord } from './json.ts';

/**
 * Reads a MirrorPolicy as the API server gives it. Of `metadata` only its names are kept (the server has checked the
 * rest, and adds to it), and `status` is left out: it says nothing of what the policy asks for.
 * @param object plain data, not changed
 */
export function policyOf(object: unknown): Checked<MirrorPolicy> {
  if (!isRecord(object)) return validatePolicy(object);
  const { status, metadata, ...document } = object;
  return validatePolicy({ ...document, metadata: namesOf(metadata) });
}

function namesOf(metadata: unknown): unknown {
  if (!isRecord(metadata)) return metadata;
  const { name, namespace } = metadata;
  return { ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) };
}
