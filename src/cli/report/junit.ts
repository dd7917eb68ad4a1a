import junit, { type Builder } from 'junit-report-builder';
import type { EndpointReport, PolicyReport, Report } from '../../compare/report.ts';
import { printable } from '../printable.ts';
import { change, count, examplesOf, leftOut, nameOf, placeOf, ratio, share } from './words.ts';

/** Its types tell of a default export inside the default export, which CommonJS modules have for bundlers only. */
const JUNIT = junit as unknown as Builder;

/**
 * For CI systems: a suite for each policy and target, a case for each endpoint. `differs` is a failure; `too little data` is
 * skipped, as nothing was shown either way.
 */
export function renderJunit({ policies }: Report): string {
  const builder = JUNIT.newBuilder();
  for (const policy of policies) {
    const suite = builder.testSuite().name(printable(`${policy.policy} -> ${policy.target}`)).timestamp(new Date(policy.since));
    for (const endpoint of [overall(policy), ...policy.endpoints.map(caseOf)]) {
      const one = suite.testCase().className(printable(policy.policy)).name(printable(endpoint.name)).standardOutput(lines(endpoint.output));
      if (endpoint.verdict === 'differs') one.failure(lines(endpoint.why));
      else if (endpoint.verdict === 'too little data') one.skipped();
    }
  }
  return builder.build();
}

interface Case {
  readonly name: string;
  readonly verdict: EndpointReport['verdict'];
  readonly why: readonly string[];
  readonly output: readonly string[];
}

function overall({ verdict, reasons, counts }: PolicyReport): Case {
  const left = leftOut(counts);
  const sums = `${count(counts.compared)} compared, ${count(counts.different)} different (${share(counts.differentShare)})`;
  return { name: 'the policy as a whole', verdict, why: reasons, output: left === '' ? [sums] : [sums, `not compared: ${left}`] };
}

function caseOf(endpoint: EndpointReport): Case {
  const { verdict, reasons, counts, fields, errors, latency } = endpoint;
  const why = [...reasons, ...fields.map((field) => `${placeOf(field)}: ${count(field.count)}; ${examplesOf(field).join('; ')}`)];
  const output = [`${count(counts.compared)} compared, ${count(counts.different)} different`, `errors ${change(errors.difference)}`];
  return { name: nameOf(endpoint), verdict, why, output: latency === null ? output : [...output, `latency ${ratio(latency)}`] };
}

/** What XML cannot hold (XML 1.0 section 2.2) is taken out with what a terminal obeys. */
function lines(texts: readonly string[]): string {
  return texts.map((text) => printable(text).replace(/[\ud800-\udfff\ufffe\uffff]/g, '?')).join('\n');
}
