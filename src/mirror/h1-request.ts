import type { OutgoingRequest } from './http-client.ts';

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const NAME = METHOD;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The head of a request as it goes out, RFC 9112 section 3: latin-1, fields as given, then Content-Length where there
 * is content, be it empty.
 * @returns null where the parts would make another request than the one meant: a line break in a value, a space in a
 * target, a character that is no byte
 */
export function encodeHead({ method, path, headers, body }: OutgoingRequest): string | null {
  if (!METHOD.test(method) || !TARGET.test(path)) return null;
  let head = `${method} ${path} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    if (!NAME.test(name) || !VALUE.test(value)) return null;
    head += `${name}: ${value}\r\n`;
  }
  return body === null ? `${head}\r\n` : `${head}Content-Length: ${body.length}\r\n\r\n`;
}
