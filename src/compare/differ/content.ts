import {
  brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync, type ZlibOptions, type ZstdOptions,
} from 'node:zlib';

/** Encodings of one content that are undone; nobody honest uses more. */
const MAX_ENCODINGS = 2;

/** Larger windows are refused: a window is memory (RFC 9659). */
const ZSTD = { [constants.ZSTD_d_windowLogMax]: 23 };

/** Values of all fields with a name, as one. @param headers flat @param name lower-case @returns empty where there is none */
export function headerOf(headers: readonly string[], name: string): string {
  let found = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const spelling = headers[i]!;
    if (spelling.length !== name.length || (spelling !== name && spelling.toLowerCase() !== name)) continue;
    found = found === '' ? headers[i + 1]! : `${found}, ${headers[i + 1]!}`;
  }
  return found;
}

/**
 * Undoes `Content-Encoding` (RFC 9110 section 8.4).
 * @param encodings value of the header, or of `grpc-encoding`; empty for none
 * @param maxBytes of the result
 * @returns `body` itself where there is nothing to undo; null where it is broken, too large or in an encoding that is not known
 */
export function decode(body: Buffer, encodings: string, maxBytes: number): Buffer | null {
  if (encodings === '' || body.length === 0) return body;
  const names = encodings.split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '' && name !== 'identity');
  if (names.length > MAX_ENCODINGS) return null;
  try {
    return names.reduceRight((content, name) => undo(content, name, maxBytes), body);
  } catch {
    // Broken, cut off, or larger than it may be.
    return null;
  }
}

/** @throws where content is not what its encoding says, or too large */
function undo(content: Buffer, encoding: string, maxOutputLength: number): Buffer {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(content, { maxOutputLength });
    case 'deflate':
      return inflate(content, { maxOutputLength });
    case 'br':
      return brotliDecompressSync(content, { maxOutputLength });
    case 'zstd':
      return zstdDecompressSync(content, { maxOutputLength, params: ZSTD } satisfies ZstdOptions);
    default:
      throw new RangeError('an encoding that is not known');
  }
}

/** Means the format of zlib, but some servers leave its header out. */
function inflate(content: Buffer, options: ZlibOptions): Buffer {
  const isZlib = content.length >= 2 && (content[0]! & 0x0f) === 8 && ((content[0]! << 8) | content[1]!) % 31 === 0;
  if (!isZlib) return inflateRawSync(content, options);
  try {
    return inflateSync(content, options);
  } catch {
    // Content without that header may look as if it had one.
    return inflateRawSync(content, options);
  }
}
