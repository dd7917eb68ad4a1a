import { readFileSync } from 'node:fs';
import { messageOf, ShadowtapError } from '../errors.ts';

const LEAST_LENGTH = 16;

/**
 * The secret in a file, without the space around it.
 * @param setting the name of the setting that names the file, for messages
 * @throws ShadowtapError CONFIG_FILE
 */
export function readSecret(setting: string, file: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ShadowtapError('CONFIG_FILE', `${setting} ${file}: cannot be read (${messageOf(error)}); give a file with a secret`, { cause: error });
  }
  if (secret.length >= LEAST_LENGTH) return secret;
  throw new ShadowtapError('CONFIG_FILE', `${setting} ${file}: has ${secret.length} characters; give a secret of at least ${LEAST_LENGTH}`);
}
