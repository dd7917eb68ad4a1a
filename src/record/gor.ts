import { TO_CLIENT, TO_SERVER } from '../tap/segment.ts';
import { Faulty } from './json-fields.ts';
import type { RawMessage } from './raw-message.ts';

/** Between two records of a GoReplay file. */
export const GOR_SEPARATOR = Buffer.from('\n🐵🙈🙉\n');

/** Type (1 request, 2 response, 3 replayed response), id, nanoseconds since 1970 and, of responses, their latency. */
const RECORD_LINE = /^([123]) ([^\s]{1,128}) ([0-9]{1,19})(?: -?[0-9]{1,19})?\r?\n/;
const LONGEST_LINE = 256;

/** The Host header is looked for within so many bytes. */
const MAX_HEAD = 16 << 10;

const REPLAYED = '3';
const DEFAULT_PORT = 80;
/** GoReplay does not write who talked to whom. */
const UNKNOWN_ADDRESS = '0.0.0.0';

/** @param beginning latin-1 of a file's first bytes */
export function isGor(beginning: string): boolean {
  return RECORD_LINE.test(beginning.slice(0, LONGEST_LINE)) || beginning.includes(GOR_SEPARATOR.toString('latin1'));
}

/** @returns null for a replayed response, which belongs to another run @throws Faulty where there is no record */
export function gorMessage(piece: Buffer): RawMessage | null {
  const line = RECORD_LINE.exec(piece.subarray(0, LONGEST_LINE).toString('latin1'));
  if (line === null) throw new Faulty('does not begin with a line of type, id and time');
  const [text, type, conversation, nanoseconds] = line;
  if (type === REPLAYED) return null;
  const payload = piece.subarray(text.length);
  const isRequest = type === '1';
  return {
    conversation: conversation!,
    direction: isRequest ? TO_SERVER : TO_CLIENT,
    client: { address: UNKNOWN_ADDRESS, port: 0 },
    server: { address: UNKNOWN_ADDRESS, port: isRequest ? portOf(payload) : 0 },
    parts: [{ bytes: payload, timeUs: Math.round(Number(nanoseconds) / 1000) }],
    last: !isRequest,
  };
}

/** The one that the Host header names. */
function portOf(payload: Buffer): number {
  const head = payload.subarray(0, MAX_HEAD).toString('latin1').split('\r\n\r\n', 1)[0]!;
  const port = /\nhost:[ \t]*[^\r\n]{0,255}:([0-9]{1,5})[ \t]*(?:\r|\n|$)/i.exec(head)?.[1];
  return port === undefined ? DEFAULT_PORT : Number(port);
}
