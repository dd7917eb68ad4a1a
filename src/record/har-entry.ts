import { Faulty, Fields, fieldsOf } from './json-fields.ts';
import { headerValue, NO_CONTENT, type Content, type ExchangeRecord, type RecordedAddress, type RecordedRequest, type RecordedResponse } from './record.ts';

/**
 * Reads an entry of a HAR log, ours or another tool's. Other tools' requests of HTTP/2, most of which came through TLS,
 * become HTTP/1.1: their pseudo-headers are left out.
 * @throws Faulty where it is no usable entry
 */
export function decodeHar(json: string): ExchangeRecord {
  const entry = fieldsOf(json);
  const startMs = startOf(entry);
  const timings = entry.optionalObject('timings');
  const endMs = startMs + duration(timings, 'send');
  const answeredMs = endMs + duration(timings, 'wait');
  const sent = entry.object('request');
  const { authority, port, target } = addressOf(sent);
  const request = requestOf(sent, target, authority, startMs, endMs);
  return {
    policy: entry.optionalText('_policy') ?? '',
    client: addressFrom(entry.optionalObject('_client')) ?? { address: '', port: 0 },
    server: addressFrom(entry.optionalObject('_server')) ?? { address: entry.optionalText('serverIPAddress') ?? '', port },
    request,
    response: responseOf(entry.optionalObject('response'), answeredMs, answeredMs + duration(timings, 'receive')),
  };
}

function startOf(entry: Fields): number {
  const exact = entry.optionalNumber('_startMs');
  if (exact !== null) return exact;
  const started = Date.parse(entry.text('startedDateTime'));
  if (Number.isNaN(started)) throw new Faulty('startedDateTime is not a time');
  return started;
}

/** Tools write -1 for what does not apply. */
function duration(timings: Fields | null, name: string): number {
  return Math.max(0, timings?.optionalNumber(name) ?? 0);
}

function addressFrom(fields: Fields | null): RecordedAddress | null {
  return fields === null ? null : { address: fields.text('address'), port: fields.number('port') };
}

function addressOf(request: Fields): { authority: string; port: number; target: string } {
  const url = request.text('url');
  const parts = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(url);
  if (parts === null) throw new Faulty('url is not an http or https address');
  const [, scheme, authority, rest] = parts;
  const port = /:([0-9]{1,5})$/.exec(authority!)?.[1];
  return {
    authority: authority!.slice(authority!.lastIndexOf('@') + 1),
    port: port === undefined ? (scheme!.toLowerCase() === 'https' ? 443 : 80) : Number(port),
    target: request.optionalText('_target') ?? (rest!.startsWith('/') ? rest! : `/${rest!}`),
  };
}

function requestOf(fields: Fields, target: string, authority: string, startMs: number, endMs: number): RecordedRequest {
  const isOurs = fields.has('_target');
  const { pseudo, headers } = splitPseudo(headersOf(fields, 'headers'));
  if (headerValue(headers, 'host') === null && !isOurs) headers.unshift('Host', authority);
  const { body, missing } = sentContent(fields);
  return {
    method: fields.text('method'),
    target: asBytes(target),
    authority: (isOurs ? headerValue(pseudo, ':authority') : null) ?? '',
    scheme: (isOurs ? headerValue(pseudo, ':scheme') : null) ?? '',
    pseudo: isOurs ? pseudo.filter((_, i) => i % 2 === 0) : [],
    version: versionOf(fields),
    headers,
    trailers: fields.has('_trailers') ? headersOf(fields, '_trailers') : [],
    startMs,
    endMs,
    bodyLength: body?.length ?? Math.max(0, fields.optionalNumber('bodySize') ?? 0),
    body,
    missing,
  };
}

/** A tool that knows the content's size and not the content has not recorded the request whole. */
function sentContent(request: Fields): Content {
  const post = request.optionalObject('postData');
  const size = request.optionalNumber('bodySize') ?? 0;
  const text = post?.optionalText('text') ?? null;
  if (post !== null && text !== null && (text !== '' || size <= 0)) {
    const encoded = (post.optionalText('_encoding') ?? post.optionalText('encoding')) === 'base64';
    return { body: encoded ? post.base64('text') : Buffer.from(text), missing: null };
  }
  const params = post === null || !post.has('params') ? [] : post.list('params');
  if (params.length > 0 && /^application\/x-www-form-urlencoded/i.test(post?.optionalText('mimeType') ?? '')) {
    return { body: Buffer.from(formOf(params)), missing: null };
  }
  return size > 0 || params.length > 0 ? { body: null, missing: 'incomplete' } : NO_CONTENT;
}

function formOf(params: readonly unknown[]): string {
  const form = new URLSearchParams();
  for (const param of params) {
    const fields = Fields.of(param, 'params');
    form.append(fields.text('name'), fields.optionalText('value') ?? '');
  }
  return form.toString();
}

function responseOf(fields: Fields | null, startMs: number, endMs: number): RecordedResponse | null {
  const status = fields?.optionalNumber('status') ?? 0;
  // What browsers write where there was no response.
  if (fields === null || status === 0) return null;
  const { body, missing } = receivedContent(fields.optionalObject('content'));
  return {
    status,
    reason: asBytes(fields.optionalText('statusText') ?? ''),
    version: versionOf(fields),
    headers: splitPseudo(headersOf(fields, 'headers')).headers,
    trailers: fields.has('_trailers') ? headersOf(fields, '_trailers') : [],
    startMs,
    endMs,
    bodyLength: body?.length ?? Math.max(0, fields.optionalNumber('bodySize') ?? 0),
    body,
    missing,
  };
}

function receivedContent(content: Fields | null): Content {
  if (content === null) return NO_CONTENT;
  const text = content.optionalText('text');
  const missing = content.optionalText('_missing');
  if (text === null) return (content.optionalNumber('size') ?? 0) > 0 || missing !== null ? { body: null, missing: 'incomplete' } : NO_CONTENT;
  return { body: content.optionalText('encoding') === 'base64' ? content.base64('text') : Buffer.from(text), missing: null };
}

/** Browsers join the values of a header that came several times with line ends. */
function headersOf(fields: Fields, name: string): string[] {
  return fields.list(name).flatMap((entry) => {
    const header = Fields.of(entry, name);
    const field = header.text('name');
    return header.text('value').split('\n').flatMap((value) => [asBytes(field), asBytes(value.trim())]);
  });
}

/** Pseudo-headers of HTTP/2 stand among the headers. */
function splitPseudo(fields: readonly string[]): { pseudo: string[]; headers: string[] } {
  const split = { pseudo: [] as string[], headers: [] as string[] };
  for (let i = 0; i + 1 < fields.length; i += 2) (fields[i]!.startsWith(':') ? split.pseudo : split.headers).push(fields[i]!, fields[i + 1]!);
  return split;
}

/** HTTP/2 has no minor version (RFC 9113 section 3.1), and tools write one. */
function versionOf(message: Fields): string {
  const version = message.optionalText('httpVersion') ?? '';
  return /^HTTP\/2(?:\.0)?$/i.test(version) ? 'HTTP/2' : version;
}

/** Latin-1 as it is; what is not was decoded by the tool that recorded it. */
function asBytes(text: string): string {
  return /^[\0-\xff]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}
