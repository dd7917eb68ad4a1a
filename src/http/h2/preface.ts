/** What a client's HTTP/2 begins with, RFC 9113 section 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const MISMATCH = -1;

/**
 * Compares `data[start..end)` with the preface from offset `at` on.
 * @returns how many bytes of it came, less than all that is left only where the data ends; or MISMATCH
 */
export function matchPreface(data: Buffer, start: number, end: number, at: number): number {
  const length = Math.min(end - start, PREFACE.length - at);
  for (let i = 0; i < length; i++) if (data[start + i] !== PREFACE[at + i]) return MISMATCH;
  return length;
}
