import { NOT_COMPARED } from '../../compare/answer.ts';
import type { AnswerCounts, ComparisonData, EndpointComparison, NotComparedCounts, PlaceEvidence, PolicyComparison } from '../../compare/data.ts';
import { DIFFERENCE_KINDS, type DifferenceKind } from '../../compare/difference.ts';
import type { JudgeRules } from '../../compare/judge/judge-rules.ts';
import { amountOf, countOf, listOf, recordOf, shortTextOf } from '../../kube/json.ts';
import { PAIR_FIELDS } from '../../sketch/reservoir.ts';

/** The page `/comparison` of an agent: what it has compared, and what its policies allow. */
export interface ComparisonPage {
  readonly compare: ComparisonData;
  /** By name of the policy. */
  readonly rules: Readonly<Record<string, JudgeRules>>;
}

/** More than an agent that means well has of each. */
const MOST = { text: 2_048, policies: 4_096, endpoints: 512, places: 512, signatures: 512, numbers: 4_096, examples: 8 };

/**
 * Reads the page. Agents run on nodes that may have been taken over: what is not as it should be counts as nothing.
 * @returns null where it is no such page
 */
export function readComparison(value: unknown): ComparisonPage | null {
  const { compare, rules } = recordOf(value);
  const { policies } = recordOf(compare);
  if (!Array.isArray(policies)) return null;
  return {
    compare: { policies: listOf(policies).slice(0, MOST.policies).map(policyOf) },
    rules: Object.fromEntries(Object.entries(recordOf(rules)).slice(0, MOST.policies).map(([policy, allowed]) => [policy.slice(0, MOST.text), rulesOf(allowed)])),
  };
}

function rulesOf(value: unknown): JudgeRules {
  const { maxDifferentPercent, maxSlowdownPercent, confidencePercent, minCompared, learnNoise } = recordOf(value);
  return {
    maxDifferentPercent: Math.min(100, amountOf(maxDifferentPercent)),
    maxSlowdownPercent: amountOf(maxSlowdownPercent),
    confidencePercent: Math.min(99.9, Math.max(80, amountOf(confidencePercent))),
    minCompared: Math.max(1, countOf(minCompared)),
    learnNoise: learnNoise !== false,
  };
}

function policyOf(value: unknown): PolicyComparison {
  const { policy, target, role, rules, sinceMs, endpoints, folded, notCompared, connectUs } = recordOf(value);
  return {
    policy: said(policy),
    target: said(target),
    role: role === 'Baseline' ? 'Baseline' : 'Mirror',
    rules: said(rules),
    sinceMs: Math.min(countOf(sinceMs), LAST_MS),
    endpoints: listOf(endpoints).slice(0, MOST.endpoints).map(endpointOf),
    folded: countOf(folded),
    notCompared: notComparedOf(notCompared),
    connectUs: numbers(connectUs),
  };
}

/** The last time that Date knows. */
const LAST_MS = 8.64e15;

/** Parts are no more than the whole: what is made of them holds for such figures only. */
function endpointOf(value: unknown): EndpointComparison {
  const { method, template, compared, notCompared, signatures, places, repeats, soonRepeats, answers, latency } = recordOf(value);
  const all = { compared: countOf(compared), repeats: countOf(repeats), soonRepeats: Math.min(countOf(soonRepeats), countOf(repeats)) };
  const known = listOf(places).slice(0, MOST.places).map((place) => placeOf(place, all));
  const { production, mirror } = recordOf(answers);
  const { pairs, sample } = recordOf(latency);
  const members = numbers(sample);
  return {
    method: said(method),
    template: said(template),
    ...all,
    notCompared: notComparedOf(notCompared),
    signatures: signaturesOf(signatures, known.length, all.compared),
    places: known,
    answers: { production: answersOf(production), mirror: answersOf(mirror) },
    latency: { pairs: countOf(pairs), sample: members.slice(0, members.length - (members.length % PAIR_FIELDS)) },
  };
}

function signaturesOf(value: unknown, places: number, compared: number): EndpointComparison['signatures'] {
  let left = compared;
  return listOf(value)
    .slice(0, MOST.signatures)
    .map((signature) => {
      const own = Math.min(left, countOf(signature['count']));
      left -= own;
      return { places: [...new Set(numbers(signature['places']))].filter((index) => Number.isInteger(index) && index < places), count: own };
    });
}

function placeOf(value: unknown, all: Pick<EndpointComparison, 'compared' | 'repeats' | 'soonRepeats'>): PlaceEvidence {
  const { where, kind, differed, unlisted, looked, random, varied, variedSoon, examples } = recordOf(value);
  const found = Math.min(countOf(differed), all.compared);
  return {
    where: said(where),
    kind: isKind(kind) ? kind : 'field',
    differed: found,
    unlisted: Math.min(countOf(unlisted), found),
    looked: countOf(looked),
    random: Math.min(countOf(random), countOf(looked)),
    varied: Math.min(countOf(varied), all.repeats),
    variedSoon: Math.min(countOf(variedSoon), all.soonRepeats),
    examples: listOf(examples)
      .slice(0, MOST.examples)
      .map(({ production, mirror }) => ({ production: said(production).slice(0, 120), mirror: said(mirror).slice(0, 120) })),
  };
}

function isKind(value: unknown): value is DifferenceKind {
  return (DIFFERENCE_KINDS as readonly unknown[]).includes(value);
}

function answersOf(value: unknown): AnswerCounts {
  const { statuses, errors } = recordOf(value);
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = numbers(statuses).map(countOf);
  return { statuses: [a, b, c, d, e], errors: Math.min(countOf(errors), a + b + c + d + e) };
}

function notComparedOf(value: unknown): NotComparedCounts {
  const counts = recordOf(value);
  return Object.fromEntries(NOT_COMPARED.filter((why) => countOf(counts[why]) > 0).map((why) => [why, countOf(counts[why])]));
}

function said(value: unknown): string {
  return shortTextOf(value, MOST.text);
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.slice(0, MOST.numbers).map(amountOf) : [];
}
