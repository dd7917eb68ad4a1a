/**
 * The same latin-1 text in memory of its own. A part of a string keeps the whole string alive, and what is read from a
 * request's head is a part of that head: what stays after the request must not hold on to it.
 */
export function flatCopy(text: string): string {
  return Buffer.from(text, 'latin1').latin1Slice();
}
