import type { IncomingMessage } from 'node:http';
import type { Gate } from './gate.ts';

/** A form with a token in it is short. */
const MOST_BYTES = 4096;

/** How a login ends: with a cookie, or not. */
export type LoginResult = { readonly cookie: string } | { readonly refused: 'wrong' | 'locked' | 'unreadable' };

/** Reads the login form (`application/x-www-form-urlencoded`, field `token`) and asks the gate. */
export async function login(request: IncomingMessage, gate: Gate): Promise<LoginResult> {
  const given = await readToken(request);
  if (given === null) return { refused: 'unreadable' };
  const judgement = gate.judgeToken(given, request);
  if (judgement === 'trusted') return { cookie: gate.sessionCookie() };
  return { refused: judgement === 'locked' ? 'locked' : 'wrong' };
}

/** @returns null where it is no such form, or too long */
async function readToken(request: IncomingMessage): Promise<string | null> {
  if (!/^application\/x-www-form-urlencoded(;|$)/i.test(request.headers['content-type'] ?? '')) return null;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) return null;
    pieces.push(piece);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString('utf8')).get('token')?.trim() ?? null;
}
