import type { HttpRequest } from '../http/exchange.ts';
import { isGrpc } from '../http/grpc.ts';
import type { PolicyAccount } from '../ledger/ledger.ts';
import { outcomeSlot } from '../ledger/outcomes.ts';
import type { CopyListener, PreparedCopy } from './copy.ts';
import type { OutgoingRequest } from './http-client.ts';
import { buildCopy, outgoingProtocol, type RewriteRules } from './rewrite.ts';

const TOO_LARGE = outcomeSlot('too-large', '');
const REJECTED = outcomeSlot('failed', 'rejected');
const REDACTION = outcomeSlot('failed', 'redaction');

/** What decides whether a target gets a copy, and what it says. */
export interface CopyRules {
  readonly rules: RewriteRules;
  /** Content beyond this is not sent to this target: another policy may have asked for more of it. */
  readonly maxBodyBytes: number;
}

/**
 * @param body whole content as captured, or null where there is none; accounted for by who keeps it
 * @returns the slot of an outcome where the copy ends before it is sent
 */
export function prepareCopy({ rules, maxBodyBytes }: CopyRules, request: HttpRequest, body: Buffer | null): PreparedCopy | number {
  if (body !== null && body.length > maxBodyBytes) return TOO_LARGE;
  if (request.isHttp2 && outgoingProtocol(request, rules) === 'h1' && !fitsHttp1(request)) return REJECTED;
  const copy = buildCopy(request, body, rules);
  return copy === null ? REDACTION : weigh(copy, request, body);
}

/** HTTP/1.1 has trailers, but few servers read them; and a call of gRPC ends with them. */
function fitsHttp1({ headers, trailers }: HttpRequest): boolean {
  return trailers.length === 0 && !isGrpc(headers);
}

/** Counts the end of a copy that no queue has taken. */
export function endCopy({ account, index }: { readonly account: PolicyAccount; readonly index: number }, slot: number, listener: CopyListener): void {
  account.copies[index]![slot]! += 1;
  listener.keeper?.close();
  listener.onCopyEnd(slot);
}

/** Rough cost of a copy's objects. */
const OBJECT_BYTES = 1024;

/** The texts of a head keep the whole head alive that they were read from, be there little left of it in the copy. */
function weigh(request: OutgoingRequest, original: HttpRequest, captured: Buffer | null): PreparedCopy {
  const head = OBJECT_BYTES + original.headCost + headBytes(request.method, request.path, request.headers);
  const body = request.body?.length ?? 0;
  return { request, bytes: head + body, room: request.body === captured ? head : head + body };
}

/** Size of a request's head on the wire. */
export function headBytes(method: string, target: string, headers: readonly string[]): number {
  let bytes = method.length + target.length + ' HTTP/1.1\r\n\r\n'.length + 1;
  for (let i = 0; i < headers.length; i++) bytes += headers[i]!.length + 2;
  return bytes;
}
