import { HttpRequest } from '../../src/http/exchange.ts';
import { HeadScan } from '../../src/http/head-scan.ts';

const SCAN = new HeadScan();

/** A request whose texts are parts of its head's text, as the decoder makes them. */
export function requestOf(head: string): HttpRequest {
  const bytes = Buffer.from(head, 'latin1');
  if (SCAN.request(bytes, 0, bytes.length) !== bytes.length) throw new Error('not a whole head');
  const text = bytes.latin1Slice();
  return Object.assign(new HttpRequest(), {
    version: 'HTTP/1.1',
    headBytes: text.length,
    method: text.substring(SCAN.firstStart, SCAN.firstEnd),
    target: text.substring(SCAN.secondStart, SCAN.secondEnd),
    headers: SCAN.fieldList(text, 0),
  });
}
