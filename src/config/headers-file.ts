import { readFileSync } from 'node:fs';
import { messageOf, ShadowtapError } from '../errors.ts';

const MAX_BYTES = 64 << 10;
/** RFC 9110 section 5: a token, and a value without control characters. */
const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*$/;
/** These say how the message is framed, or are ours to say. */
const OURS = /^(?:content-length|content-type|transfer-encoding|connection|host|upgrade|te|trailer|expect)$/i;

/**
 * Headers from a file, one `Name: value` a line; empty lines and those that begin with a number sign say nothing. Values are
 * secrets: messages do not show them.
 * @param field by which the file is named, for messages
 * @throws ShadowtapError CONFIG_FILE
 */
export function readHeaders(field: string, file: string): Readonly<Record<string, string>> {
  const refuse = (problem: string, cause?: unknown): ShadowtapError => new ShadowtapError('CONFIG_FILE', `${field} ${file}: ${problem}`, { cause });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)}); give a file with headers`, error);
  }
  if (text.length > MAX_BYTES) throw refuse(`is larger than ${MAX_BYTES} bytes; give a file with a few headers`);
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) throw refuse(`line ${index + 1} is no header; give Name: value`);
    if (OURS.test(name)) throw refuse(`line ${index + 1}: ${name} is set by the agent; leave it out`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
