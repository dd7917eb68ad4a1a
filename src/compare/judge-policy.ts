import { joinCounts, newCounts } from './answer-counts.ts';
import type { EndpointComparison, PolicyComparison } from './data.ts';
import type { JudgedEndpoint } from './judge-endpoint.ts';
import type { JudgeRules } from './judge-rules.ts';
import { newcombe } from './proportions.ts';
import { differsReason, errorsReason, gapsReason, notSentReason, refusesReason, safeReason, tooFewReason, undecidedReason } from './reasons.ts';
import type { Counts, ErrorReport, PolicyReport, Verdict } from './report.ts';
import { boundsOf, hasMany, hasSome, shareVerdict, sumCounts } from './verdict.ts';
import { count, counted } from './wording.ts';

/** Share of the exchanges that may belong to endpoints of which too little is known. */
const RARE = 0.05;
/** Endpoints that are named. */
const NAMED = 3;

/** Sums up what is said of its endpoints. @param judged by weight */
export function reportPolicy(policy: PolicyComparison, judged: readonly JudgedEndpoint[], rules: JudgeRules): PolicyReport {
  const confidence = rules.confidencePercent / 100;
  const allowed = rules.maxDifferentPercent / 100;
  const counts = sumUp(policy, judged);
  const { compared, notCompared } = counts;
  const sum = (of: (endpoint: JudgedEndpoint) => number): number => judged.reduce((total, endpoint) => total + of(endpoint), 0);
  const shares = {
    sure: sum(({ classified }) => classified.sure),
    undecided: sum(({ classified }) => classified.undecided),
    noise: counts.noise,
    compared,
    isUpperBound: judged.some(({ classified }) => classified.isUpperBound),
  };
  const errors = errorsOf(judged, confidence);
  const differing = shareVerdict(shares, allowed, confidence);
  const bad = judged.filter(({ report }) => report.verdict === 'differs');
  const little = judged.filter(({ report }) => report.verdict === 'too little data');
  const inLittle = little.reduce((total, { report }) => total + report.counts.compared, 0);

  const against: string[] = [];
  if (differing === 'differs') against.push(refusesReason(answersOf(policy)));
  if (bad.length > 0) against.push(`${counted(bad.length, 'endpoint')} of ${count(judged.length)} ${bad.length === 1 ? 'differs' : 'differ'}: ${namesOf(bad)}.`);
  if (differing === 'differs') against.push(differsReason(shares, allowed, confidence));
  if (errors.difference.low > allowed) against.push(errorsReason(errors, confidence));
  const unknown: string[] = [];
  if (compared < rules.minCompared) unknown.push(tooFewReason(compared, rules.minCompared));
  if (differing === 'open') unknown.push(undecidedReason(shares, allowed, confidence));
  // That nothing was seen to differ is no proof that less than a small share does.
  if (differing === 'allowed' && allowed > 0 && compared >= rules.minCompared && boundsOf(shares.sure + shares.undecided, compared, confidence).high > allowed) {
    unknown.push(undecidedReason({ ...shares, undecided: 0, sure: shares.sure + shares.undecided }, allowed, confidence));
  }
  const isMuch = inLittle > RARE * compared;
  if (isMuch && compared >= rules.minCompared) unknown.push(littleReason(little, inLittle, compared));
  if (hasMany(notCompared, compared)) unknown.push(gapsReason(notCompared, compared));

  const verdict: Verdict = against.length > 0 ? 'differs' : unknown.length > 0 ? 'too little data' : 'looks safe';
  const reasons = [...against, ...unknown];
  if (verdict === 'looks safe') reasons.push(safeReason(shares, confidence));
  if (!isMuch && little.length > 0 && compared > 0) reasons.push(littleReason(little, inLittle, compared));
  if (hasSome(notCompared, compared) && !hasMany(notCompared, compared)) reasons.push(gapsReason(notCompared, compared));
  reasons.push(notSentReason(notCompared, compared));
  if (policy.role === 'Baseline') reasons.unshift('This is a baseline: where it differs is taken for noise of the mirrors of this policy.');
  return {
    policy: policy.policy,
    target: policy.target,
    role: policy.role,
    since: new Date(policy.sinceMs).toISOString(),
    verdict,
    reasons: reasons.filter((reason) => reason !== ''),
    counts,
    endpoints: judged.map(({ report }) => report),
    folded: policy.folded,
  };
}

function sumUp(policy: PolicyComparison, judged: readonly JudgedEndpoint[]): Counts {
  const all = judged.map(({ report }) => report.counts);
  const total = (of: (counts: Counts) => number): number => all.reduce((sum, counts) => sum + of(counts), 0);
  const compared = total((counts) => counts.compared);
  const different = total((counts) => counts.different);
  return {
    compared,
    equal: total((counts) => counts.equal),
    noise: total((counts) => counts.noise),
    different,
    differentShare: compared === 0 ? 0 : different / compared,
    kinds: sumCounts(all.map(({ kinds }) => kinds)),
    notCompared: sumCounts([policy.notCompared, ...all.map(({ notCompared }) => notCompared)]),
  };
}

function errorsOf(judged: readonly JudgedEndpoint[], confidence: number): ErrorReport {
  const total = (of: (errors: ErrorReport) => number): number => judged.reduce((sum, { report }) => sum + of(report.errors), 0);
  const answered = total((errors) => errors.answered);
  const production = total((errors) => errors.production);
  const mirror = total((errors) => errors.mirror);
  return { answered, production, mirror, difference: newcombe({ count: production, total: answered }, { count: mirror, total: answered }, confidence) };
}

function answersOf({ endpoints }: PolicyComparison): EndpointComparison['answers'] {
  const [production, mirror] = [newCounts(), newCounts()];
  for (const { answers } of endpoints) {
    joinCounts(production, answers.production);
    joinCounts(mirror, answers.mirror);
  }
  return { production, mirror };
}

function littleReason(little: readonly JudgedEndpoint[], inLittle: number, compared: number): string {
  return `${counted(little.length, 'endpoint')} with ${count(inLittle)} of ${counted(compared, 'answer')} ${little.length === 1 ? 'has' : 'have'} too little data for a verdict: ${namesOf(little)}.`;
}

function namesOf(endpoints: readonly JudgedEndpoint[]): string {
  const names = endpoints.slice(0, NAMED).map(({ report: { method, template } }) => `${method} ${template}`);
  return names.join(', ') + (endpoints.length > NAMED ? ` and ${count(endpoints.length - NAMED)} more` : '');
}
