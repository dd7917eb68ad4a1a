import { readFileSync } from 'node:fs';

function read(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/** The product's version, from package.json. */
export const VERSION = read();
