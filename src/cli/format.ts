import { ShadowtapError } from '../errors.ts';

/** @throws ShadowtapError USAGE */
export function checkFormat(format: string): void {
  if (format === 'table' || format === 'json') return;
  throw new ShadowtapError('USAGE', `--output: ${JSON.stringify(format)} is not allowed; give table or json`);
}
