import type { Redactor } from '../mirror/redact.ts';
import type { Content, ExchangeRecord, RecordedMessage } from './record.ts';

/** The record without what is secret, on both sides. Content of which it is not certain what it holds is left out. */
export function redacted(record: ExchangeRecord, redactor: Redactor): ExchangeRecord {
  const { request, response } = record;
  return {
    ...record,
    request: {
      ...request,
      target: withQuery(request.target, redactor),
      authority: request.authority === '' ? '' : (as('host', request.authority, redactor) ?? ''),
      ...message(request, redactor),
    },
    response: response === null ? null : { ...response, ...message(response, redactor) },
  };
}

function message(
  { headers, trailers, body, bodyLength, missing }: RecordedMessage,
  redactor: Redactor,
): Pick<RecordedMessage, 'headers' | 'trailers' | 'bodyLength'> & Content {
  const content = body === null ? null : redactor.body(headers, body);
  return {
    headers: fields(headers, redactor),
    trailers: fields(trailers, redactor),
    bodyLength: content?.length ?? bodyLength,
    body: content,
    missing: body !== null && content === null ? 'redacted' : missing,
  };
}

function fields(headers: readonly string[], redactor: Redactor): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    const value = field(name.toLowerCase(), headers[i + 1]!, redactor);
    if (value !== null) kept.push(name, value);
  }
  redactor.headers(kept);
  return kept;
}

/** Responses have cookies and addresses under other names. @returns null where nothing is left */
function field(lowerName: string, value: string, redactor: Redactor): string | null {
  if (lowerName === 'location' || lowerName === 'content-location') return as('referer', value, redactor);
  if (lowerName !== 'set-cookie') return value;
  const end = value.indexOf(';');
  const pair = as('cookie', end < 0 ? value : value.slice(0, end), redactor);
  return pair === null ? null : pair + (end < 0 ? '' : value.slice(end));
}

function as(name: string, value: string, redactor: Redactor): string | null {
  const list = [name, value];
  redactor.headers(list);
  return list[1] ?? null;
}

function withQuery(target: string, redactor: Redactor): string {
  const start = target.indexOf('?');
  return start < 0 ? target : target.slice(0, start) + redactor.query(target.slice(start));
}
