import junit, { type Builder } from 'junit-report-builder';
import type { EndpointReport, PolicyReport, Report } from '../../compare/report.ts';
import { printable } from '../printable.ts';
import { change, count, examplesOf, leftOut, medians, nameOf, part, placeOf, ratio } from './words.ts';

/** Its types tell of a default export inside the default export, which CommonJS modules have for bundlers only. */
const JUNIT = junit as unknown as Builder;

/**
 * For CI systems: a suite for each policy and target, a case for each endpoint. `differs` is a failure; `too little data` is
 * skipped, as nothing was shown either way. A baseline is no mirror to fail on: it is left out.
 */
export function renderJunit({ policies }: Report): string {
  const builder = JUNIT.newBuilder();
  for (const policy of policies.filter(({ role }) => role === 'Mirror')) {
    const suite = builder.testSuite().name(clean(`${policy.policy} -> ${policy.target}`)).timestamp(new Date(policy.since));
    for (const endpoint of [overall(policy), ...policy.endpoints.map(caseOf)]) {
      const one = suite.testCase().className(clean(policy.policy)).name(clean(endpoint.name)).standardOutput(lines(endpoint.output));
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
  const sums = `${count(counts.compared)} compared, ${part(counts.different, counts.differentShare)} different`;
  return { name: 'the policy as a whole', verdict, why: reasons, output: left === '' ? [sums] : [sums, `not compared: ${left}`] };
}

function caseOf(endpoint: EndpointReport): Case {
  const { verdict, reasons, counts, fields, errors, latency } = endpoint;
  const why = [...reasons, ...fields.map((field) => `${placeOf(field)}: ${count(field.count)}; ${examplesOf(field).join('; ')}`)];
  const output = [`${count(counts.compared)} compared, ${part(counts.different, counts.differentShare)} different`, `errors ${change(errors.difference)}`];
  return { name: nameOf(endpoint), verdict, why, output: latency === null ? output : [...output, `median ${medians(latency)}`, `latency ${ratio(latency)}`] };
}

function lines(texts: readonly string[]): string {
  return texts.map(clean).join('\n');
}

/** What XML cannot hold (XML 1.0 section 2.2: control characters, half a character, and two more) is taken out with what a terminal obeys. */
function clean(text: string): string {
  return printable(text).toWellFormed().replace(/[\ufffe\uffff]/g, '\ufffd');
}
