import type { EndpointReport, Report } from '../../src/compare/report.ts';

/** What is wrong with v2 (see answers.ts), as the report names it. */
const PLANTED = ['GET /api/items/{id}: body /price/amount', 'GET /api/search: slower', 'POST /api/orders: status'];

/** With fewer exchanges the rarest defect, one order in a hundred requests, may not occur, and latency says nothing. */
const ENOUGH = 2_000;

/** @returns what the report says of v2 in a few lines, and whether that is all that is wrong with it and nothing else */
export function defectsIn({ policies }: Report): { readonly text: string; readonly right: boolean } {
  const endpoints = policies.flatMap((policy) => policy.endpoints);
  const compared = endpoints.reduce((sum, { counts }) => sum + counts.compared, 0);
  const named = endpoints.flatMap(namesIn).sort();
  const exact = named.join('\n') === PLANTED.join('\n');
  const verdict = exact
    ? 'These three are what is wrong with v2 (scripts/demo/answers.ts); times, ids and random order were known for noise.'
    : compared < ENOUGH
      ? 'That is too little traffic for a verdict: run it for longer, or at a higher rate.'
      : `That is not what is wrong with v2: ${PLANTED.join('; ')}.`;
  const lines = [`Report: ${compared} answers of v2 compared with those that production gave. What differs:`, ...(named.length === 0 ? ['  nothing'] : named.map((name) => `  ${name}`)), verdict];
  return { text: `${lines.join('\n')}\n`, right: exact || compared < ENOUGH };
}

function namesIn({ method, template, fields, latency, verdict }: EndpointReport): string[] {
  if (verdict !== 'differs') return [];
  const slower = latency?.verdict === 'slower' ? ['slower'] : [];
  return [...fields.map(({ where }) => where), ...slower].map((what) => `${method} ${template}: ${what}`);
}
