import { encodeHar, HAR_BETWEEN, HAR_HEAD, HAR_TAIL } from './har.ts';
import { encodeNdjson } from './ndjson.ts';
import type { ExchangeRecord } from './record.ts';

/** How records become a file: what stands before, between and after them. */
export interface FileFormat {
  readonly encode: (record: ExchangeRecord) => Buffer;
  readonly head: Buffer;
  readonly between: Buffer;
  readonly tail: Buffer;
}

const NOTHING = Buffer.alloc(0);

export const FILE_FORMATS: Readonly<Record<'ndjson' | 'har', FileFormat>> = {
  ndjson: { encode: encodeNdjson, head: NOTHING, between: NOTHING, tail: NOTHING },
  har: { encode: encodeHar, head: HAR_HEAD, between: HAR_BETWEEN, tail: HAR_TAIL },
};

/** Larger records are neither written nor read. */
export const MAX_RECORD_BYTES = 64 << 20;
