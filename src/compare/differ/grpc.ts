// Length-prefixed messages, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import { PREFIX_BYTES } from '../../http/grpc.ts';
import type { Answer } from '../answer.ts';
import { decode, headerOf } from './content.ts';

/** Fields of the trailers, which stand among the headers where an answer is nothing else. */
export const STATUS_FIELDS: readonly string[] = ['grpc-status', 'grpc-message', 'grpc-status-details-bin'];

/** How a call ended, or empty where its answer does not say. */
export function grpcStatus({ trailers, headers }: Answer): string {
  return headerOf(trailers, 'grpc-status') || headerOf(headers, 'grpc-status');
}

/** Trailers of a call, wherever they stand. */
export function trailersOf({ trailers, headers }: Answer): readonly string[] {
  if (trailers.length > 0) return trailers;
  const found: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (STATUS_FIELDS.includes(headers[i]!.toLowerCase())) found.push(headers[i]!, headers[i + 1]!);
  }
  return found;
}

/** @param maxBytes of all messages together @returns 'framing' where it is no sequence of messages; 'encoding' as `decode` does */
export function readMessages(body: Buffer, encoding: string, maxBytes: number): Buffer[] | 'framing' | 'encoding' {
  const messages: Buffer[] = [];
  let left = maxBytes;
  for (let at = 0; at < body.length; ) {
    if (body.length - at < PREFIX_BYTES || body[at]! > 1) return 'framing';
    const start = at + PREFIX_BYTES;
    const end = start + body.readUInt32BE(at + 1);
    if (end > body.length) return 'framing';
    const message = body[at] === 1 ? decompress(body.subarray(start, end), encoding, left) : body.subarray(start, end);
    if (message === null || message.length > left) return 'encoding';
    left -= message.length;
    messages.push(message);
    at = end;
  }
  return messages;
}

function decompress(message: Buffer, encoding: string, maxBytes: number): Buffer | null {
  return encoding === '' || encoding === 'identity' ? null : decode(message, encoding, maxBytes);
}

/** Names of https://grpc.github.io/grpc/core/md_doc_statuscodes.html, in the order of their numbers. */
const STATUSES = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
];

/** A status for people: `14 UNAVAILABLE`. */
export function describeStatus(status: string): string {
  const name = /^\d{1,2}$/.test(status) ? STATUSES[Number(status)] : undefined;
  return name === undefined ? status : `${status} ${name}`;
}
