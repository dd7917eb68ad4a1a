import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusFolder } from '../../corpus/oracle.ts';

/** A published sequence of header blocks of one connection, in the order in which they were encoded. */
export interface HpackStory {
  readonly name: string;
  readonly cases: readonly HpackCase[];
}

export interface HpackCase {
  readonly wire: string;
  readonly headers: readonly Readonly<Record<string, string>>[];
  /** What the decoder's SETTINGS say from this block on. */
  readonly header_table_size?: number;
}

/** A published frame. */
export interface FrameCase {
  readonly name: string;
  readonly wire: string;
  readonly error: readonly number[] | null;
  readonly frame: {
    readonly length: number;
    readonly type: number;
    readonly flags: number;
    readonly stream_identifier: number;
    readonly frame_payload: Readonly<Record<string, unknown>>;
  } | null;
}

const ROOT = join(corpusFolder(), '../hpack');

/** Empty where the corpus is not on this machine; a failure where `CI` is `true`. */
export function hpackStories(): HpackStory[] {
  return jsonFiles('hpack-test-case').map(({ name, json }) => ({ ...(json as HpackStory), name }));
}

export function frameCases(): FrameCase[] {
  return jsonFiles('http2-frame-test-case').map(({ name, json }) => ({ ...(json as FrameCase), name }));
}

export function fieldsOf({ headers }: HpackCase): string[] {
  return headers.flatMap((field) => Object.entries(field).flat()).map((text) => Buffer.from(text).toString('latin1'));
}

function jsonFiles(folder: string): { name: string; json: unknown }[] {
  const root = join(ROOT, folder);
  if (!existsSync(root)) {
    const text = `no published cases in ${root}: set SHADOWTAP_CORPUS to the folder that holds hpack/${folder}`;
    if (process.env['CI'] === 'true') throw new Error(text);
    console.error(`skipped: ${text}`);
    return [];
  }
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => ({ name: name.slice(0, -5), json: JSON.parse(readFileSync(join(root, name), 'utf8')) as unknown }));
}
