import { classify, type Classified } from './classify.ts';
import type { EndpointComparison } from './data.ts';
import type { DifferenceKind } from './difference.ts';
import type { JudgeRules } from './judge-rules.ts';
import { describeLatency, judgeLatency, type LatencyInput } from './latency.ts';
import { judgePlaces, type PlaceJudgement, type Standing } from './noise.ts';
import { newcombe } from './proportions.ts';
import type { EndpointReport, ErrorReport, FieldReport, LatencyReport, Verdict } from './report.ts';
import { differsReason, errorsReason, fieldsReason, gapsReason, notSentReason, refusesReason, safeReason, tooFewReason, undecidedReason } from './reasons.ts';
import { hasMany, shareVerdict } from './verdict.ts';

/** Another outcome: what else differs then follows from it, and is listed last. */
const STATUS_KINDS: ReadonlySet<DifferenceKind> = new Set<DifferenceKind>(['status', 'grpc-status']);
/** Fields that are listed of either sort. */
const FIELDS = 20;

/** What there is to say of an endpoint before it is seen beside others. */
export interface MeasuredEndpoint {
  readonly endpoint: EndpointComparison;
  readonly places: readonly PlaceJudgement[];
  readonly classified: Classified;
  readonly latency: LatencyReport | null;
}

export interface JudgedEndpoint {
  readonly report: EndpointReport;
  readonly classified: Classified;
}

/** What the other endpoints of the policy mean for one of them. */
export interface Family {
  /** Endpoints that have enough data to be wrong by chance. */
  readonly tested: number;
  /** Its p-value of being slower, raised for their number. */
  readonly pSlower: number;
}

export function measureEndpoint(endpoint: EndpointComparison, baseline: EndpointComparison | null, way: Pick<LatencyInput, 'connectUs' | 'quickestUs'>, rules: JudgeRules): MeasuredEndpoint {
  const places = judgePlaces(endpoint, baseline, rules);
  const latency = judgeLatency({
    pairs: endpoint.latency,
    baseline: baseline?.latency ?? null,
    ...way,
    maxSlowdown: rules.maxSlowdownPercent / 100,
    confidence: rules.confidencePercent / 100,
  });
  return { endpoint, places, classified: classify(endpoint, places), latency };
}

export function judgeEndpoint({ endpoint, places, classified, latency }: MeasuredEndpoint, rules: JudgeRules, family: Family): JudgedEndpoint {
  const { compared, notCompared } = endpoint;
  const { sure, undecided } = classified;
  const allowed = rules.maxDifferentPercent / 100;
  const confidence = 1 - (1 - rules.confidencePercent / 100) / family.tested;
  const errors = errorReport(endpoint, confidence);
  const differing = shareVerdict({ sure, undecided, compared }, allowed, confidence);
  const hasMoreErrors = errors.difference.low > allowed;
  const isSlower = latency?.verdict === 'slower' && family.pSlower <= (1 - rules.confidencePercent / 100) / 2;
  const fields = fieldsOf(endpoint, places, ['finding', 'unknown']);

  const against: string[] = [];
  if (differing === 'differs') against.push(refusesReason(endpoint.answers), differsReason({ ...classified, compared }, allowed, confidence), fieldsReason(fields));
  if (hasMoreErrors) against.push(errorsReason(errors, confidence));
  if (isSlower) against.push(`Latency: ${describeLatency(latency!)}.`);
  const little: string[] = [];
  if (compared < rules.minCompared) little.push(tooFewReason(compared, rules.minCompared));
  if (differing === 'open') little.push(undecidedReason({ ...classified, compared }, allowed, confidence), ...(against.length === 0 ? [fieldsReason(fields)] : []));
  if (hasMany(notCompared, compared)) little.push(gapsReason(notCompared, compared));

  const verdict: Verdict = against.length > 0 ? 'differs' : little.length > 0 ? 'too little data' : 'looks safe';
  const reasons = [...against, ...little, ...(verdict === 'looks safe' ? [safeReason({ ...classified, compared }, rules.confidencePercent / 100)] : []), notSentReason(notCompared, compared)];
  return {
    classified,
    report: {
      method: endpoint.method,
      template: endpoint.template,
      verdict,
      reasons: reasons.filter((reason) => reason !== ''),
      counts: {
        compared,
        equal: classified.equal,
        noise: classified.noise,
        different: sure + undecided,
        differentShare: compared === 0 ? 0 : (sure + undecided) / compared,
        kinds: classified.kinds,
        notCompared,
      },
      fields,
      noise: fieldsOf(endpoint, places, ['noise']),
      errors,
      latency,
    },
  };
}

function fieldsOf({ places, signatures, compared }: EndpointComparison, judged: readonly PlaceJudgement[], standings: readonly Standing[]): FieldReport[] {
  const ofStatus = new Set(places.flatMap(({ kind }, i) => (STATUS_KINDS.has(kind) ? [i] : [])));
  return places
    .flatMap(({ where, kind, differed, unlisted, examples }, i) => {
      const { standing, because } = judged[i]!;
      if (differed === 0 || !standings.includes(standing)) return [];
      const follows = unlisted === 0 && !ofStatus.has(i) && signatures.every(({ places: at }) => !at.includes(i) || at.some((place) => ofStatus.has(place)));
      return [{ follows, field: { where, kind, count: differed, share: differed / compared, examples, undecided: standing === 'unknown', because: follows ? `${because}; only where the status differs, too` : because } }];
    })
    .sort((a, b) => Number(a.follows) - Number(b.follows) || b.field.count - a.field.count)
    .slice(0, FIELDS)
    .map(({ field }) => field);
}

function errorReport({ answers: { production, mirror } }: EndpointComparison, confidence: number): ErrorReport {
  const answered = production.statuses.reduce((sum, count) => sum + count, 0);
  return {
    answered,
    production: production.errors,
    mirror: mirror.errors,
    difference: newcombe({ count: production.errors, total: answered }, { count: mirror.errors, total: answered }, confidence),
  };
}
