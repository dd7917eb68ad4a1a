import type { HeaderMeaning } from './header-table.ts';

/**
 * What a header says, written so that equal texts mean equal headers.
 * @param values of all fields with this name, in their order
 */
export function canonical(name: string, meaning: HeaderMeaning | null, values: readonly string[]): string {
  switch (meaning) {
    case 'set':
      return members(values)
        .filter((member) => name !== 'vary' || member !== 'accept-encoding')
        .sort()
        .join(', ');
    case 'parameters':
      return values.map(parameters).join(', ');
    case 'cookies':
      return values.map(cookie).sort().join(', ');
    default:
      // Fields with the same name are a list (RFC 9110 section 5.3), with spaces or without.
      return values.map((value) => value.trim()).join(', ');
  }
}

/** Elements of a list (RFC 9110 section 5.6.1), each once, in lower case; a comma in quotes is none. */
function members(values: readonly string[]): string[] {
  const written = values.flatMap((value) => split(value, ',')).map((member) => member.toLowerCase().replace(/ *= */, '='));
  return [...new Set(written)].filter((member) => member !== '');
}

function parameters(value: string): string {
  const [first = '', ...rest] = split(value, ';');
  const written = rest.filter((part) => part !== '').map((part) => {
    const [name = '', ...given] = part.split('=');
    const lower = name.trim().toLowerCase();
    const text = given.join('=').trim().replace(/^"(.*)"$/, '$1').replace(/\\(.)/g, '$1');
    return given.length === 0 ? lower : `${lower}=${lower === 'boundary' ? text : text.toLowerCase()}`;
  });
  const type = first.toLowerCase();
  // What the format of messages is where a call does not say.
  return [type === 'application/grpc' ? 'application/grpc+proto' : type, ...written.sort()].join('; ');
}

/** `sid; httponly; path=/; secure`: no value, and no `Expires`, which is a time. */
function cookie(value: string): string {
  const [pair = '', ...rest] = value.split(';');
  const attributes = rest.map((part) => {
    const [name = '', ...given] = part.split('=');
    const lower = name.trim().toLowerCase();
    const text = given.join('=').trim();
    if (lower === 'expires') return lower;
    return given.length === 0 ? lower : `${lower}=${lower === 'path' ? text : text.toLowerCase()}`;
  });
  return [nameOfCookie(pair), ...attributes.filter((part) => part !== '').sort()].join('; ');
}

function nameOfCookie(pair: string): string {
  const equals = pair.indexOf('=');
  // Without a name all of it is the value.
  return equals < 0 ? '' : pair.slice(0, equals).trim();
}

/** Parts without the spaces around them; what stands in quotes is not split. */
function split(value: string, separator: string): string[] {
  if (!value.includes('"')) return value.split(separator).map((part) => part.trim());
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < value.length; i++) {
    const char = value[i];
    if (isQuoted && char === '\\') i += 1;
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === separator && !isQuoted) {
      parts.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(value.slice(start).trim());
  return parts;
}
