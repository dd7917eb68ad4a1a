import { inspect, type DocumentReport } from '../config.ts';
import { messageOf, ShadowtapError } from '../errors.ts';
import { selects } from '../policy/selector.ts';
import { EXIT_OK, EXIT_USAGE, type Io } from './io.ts';

/** Checks each document of each file; what is wrong with one does not keep the others from being checked. */
export function validate(files: readonly string[], io: Io): number {
  let wrong = false;
  const reports: DocumentReport[] = [];
  for (const file of files) {
    try {
      reports.push(...inspect(file));
    } catch (thrown) {
      if (!(thrown instanceof ShadowtapError)) throw thrown;
      wrong = true;
      io.err.write(`shadowtap: ${messageOf(thrown)}\n`);
    }
  }
  for (const { document, title, problems } of reports) {
    if (problems.length === 0) io.out.write(`${document.file}:${document.lineOf([])}: ${title}: ok\n`);
    for (const problem of problems) {
      wrong = true;
      io.err.write(`shadowtap: ${problem}\n`);
    }
  }
  for (const warning of idlePolicies(reports)) io.err.write(`shadowtap: warning: ${warning}\n`);
  return wrong ? EXIT_USAGE : EXIT_OK;
}

/** Policies that select none of the endpoints, where the files name endpoints. */
function idlePolicies(reports: readonly DocumentReport[]): string[] {
  const endpoints = reports.flatMap(({ agent }) => agent?.spec.endpoints ?? []);
  if (endpoints.length === 0) return [];
  return reports.flatMap(({ document, title, policy }) => {
    if (policy === null || endpoints.some(({ labels }) => selects(policy.spec.selector, labels))) return [];
    return `${document.file}:${document.lineOf(['spec', 'selector'])}: ${title}: spec.selector: selects none of the endpoints`;
  });
}
