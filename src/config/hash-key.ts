import { readFileSync } from 'node:fs';
import { messageOf, ShadowtapError } from '../errors.ts';

const LEAST_LENGTH = 16;

/**
 * The secret in a file, without the space around it.
 * @throws ShadowtapError CONFIG_FILE
 */
export function readHashKey(file: string): string {
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ShadowtapError('CONFIG_FILE', `hashKeyFile ${file}: cannot be read (${messageOf(error)}); give a file with a secret`, { cause: error });
  }
  if (key.length >= LEAST_LENGTH) return key;
  throw new ShadowtapError('CONFIG_FILE', `hashKeyFile ${file}: has ${key.length} characters; give a secret of at least ${LEAST_LENGTH}`);
}
