import { Faulty, Fields, fieldsOf } from './json-fields.ts';
import { MISSING_BODY, type ExchangeRecord, type RecordedAddress, type RecordedMessage, type RecordedRequest } from './record.ts';

/** Version of the format, the first field of each line. */
const VERSION = 1;
/** How a line begins: by this the format is recognised. */
export const NDJSON_START = '{"shadowtap":';

/** One exchange as one line of JSON, with its line end. Content is in base64; see docs/recording.md. */
export function encodeNdjson(record: ExchangeRecord): Buffer {
  const { policy, client, server, request, response } = record;
  const line = {
    shadowtap: VERSION,
    policy,
    client,
    server,
    request: { method: request.method, target: request.target, ...http2Json(request), ...messageJson(request) },
    response: response === null ? null : { status: response.status, reason: response.reason, ...messageJson(response) },
  };
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

function http2Json({ authority, scheme, pseudo }: RecordedRequest): object {
  return pseudo.length === 0 ? {} : { authority, scheme, pseudo };
}

function messageJson({ version, headers, trailers, startMs, endMs, bodyLength, body, missing }: RecordedMessage): object {
  const content = body === null ? { body: null, missing } : { body: body.toString('base64') };
  return { version, headers: pairs(headers), trailers: pairs(trailers), startMs, endMs, bodyLength, ...content };
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!]);
  return list;
}

/** @throws Faulty where the line is no record */
export function decodeNdjson(line: string): ExchangeRecord {
  const fields = fieldsOf(line);
  const version = fields.number('shadowtap');
  if (version !== VERSION) throw new Faulty(`version ${version} of the format is not known`);
  const request = fields.object('request');
  const response = fields.optionalObject('response');
  return {
    policy: fields.optionalText('policy') ?? '',
    client: address(fields.optionalObject('client')),
    server: address(fields.optionalObject('server')),
    request: {
      method: request.text('method'),
      target: request.text('target'),
      authority: request.optionalText('authority') ?? '',
      scheme: request.optionalText('scheme') ?? '',
      pseudo: request.has('pseudo') ? request.texts('pseudo') : [],
      ...message(request),
    },
    response:
      response === null ? null : { status: response.number('status'), reason: response.optionalText('reason') ?? '', ...message(response) },
  };
}

function address(fields: Fields | null): RecordedAddress {
  return { address: fields?.optionalText('address') ?? '', port: fields?.optionalNumber('port') ?? 0 };
}

function message(fields: Fields): RecordedMessage {
  const body = fields.optionalText('body');
  const missing = MISSING_BODY.find((reason) => reason === fields.optionalText('missing')) ?? 'incomplete';
  const bodyLength = fields.optionalNumber('bodyLength');
  const bytes = body === null ? null : fields.base64('body');
  if (bytes !== null && bodyLength !== null && bytes.length !== bodyLength) throw new Faulty('body has not bodyLength bytes');
  const startMs = fields.number('startMs');
  return {
    version: fields.text('version'),
    headers: fields.flatPairs('headers'),
    trailers: fields.has('trailers') ? fields.flatPairs('trailers') : [],
    startMs,
    endMs: fields.optionalNumber('endMs') ?? startMs,
    bodyLength: bodyLength ?? bytes?.length ?? 0,
    body: bytes,
    missing: bytes === null ? missing : null,
  };
}
