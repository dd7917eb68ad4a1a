import { ApiError } from './api-error.ts';

/** Objects are at most 1.5 MiB in etcd; as JSON, with managed fields, they may grow. */
const MAX_LINE_BYTES = 16 << 20;
const NEWLINE = 0x0a;

/**
 * One JSON value a line, as watches send them. Chunks may end anywhere, in the middle of a character too.
 * @throws ApiError where a line is no JSON or has no end: what follows cannot be trusted
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...held, chunk.subarray(start, end)]);
      held = [];
      heldBytes = 0;
      start = end + 1;
      if (line.length > 0) yield parsed(line);
    }
    if (start === chunk.length) continue;
    held.push(chunk.subarray(start));
    heldBytes += chunk.length - start;
    if (heldBytes > MAX_LINE_BYTES) throw new ApiError(`a watch sent a line of more than ${MAX_LINE_BYTES} bytes`);
  }
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch (cause) {
    throw new ApiError('a watch sent a line that is no JSON', { cause });
  }
}
