import type { LedgerSums } from '../ledger/book.ts';
import type { Outcome } from '../ledger/outcomes.ts';
import type { Report } from '../compare/report.ts';

/** One station on the way from production to a verdict, and where requests left the way there. */
export interface Station {
  readonly name: string;
  readonly count: number;
  /** Most first; `count` of this station = those of its exits + `count` of the next (or, of copies, what was made of it). */
  readonly exits: readonly Exit[];
}

export interface Exit {
  readonly name: string;
  readonly count: number;
  /** Why, as the ledger says it, where there are reasons. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
}

/** The ledger as a way: of requests up to `sent`, then of their copies, of which there may be several a request. */
export interface LedgerFlow {
  readonly requests: readonly [seen: Station, matched: Station, sampled: Station, sent: Station];
  readonly copies: Station;
}

/** At which station a request leaves that ends so. `mirrored` goes to the end. */
const LEAVES_AT: Readonly<Record<Exclude<Outcome, 'mirrored'>, 0 | 1 | 2>> = {
  unmatched: 0,
  excluded: 0,
  method: 0,
  loop: 0,
  upgrade: 0,
  malformed: 0,
  ambiguous: 0,
  'h2-midstream': 0,
  incomplete: 0,
  'sampled-out': 1,
  off: 1,
  'too-large': 2,
  shed: 2,
  failed: 2,
  recorded: 2,
  planned: 2,
};

const NAMES: Partial<Readonly<Record<Outcome, string>>> = {
  method: 'other method',
  loop: 'is a copy itself',
  upgrade: 'left HTTP',
  'h2-midstream': 'joined in its middle',
  'sampled-out': 'not in the sample',
  off: 'switched off',
  'too-large': 'too large',
  planned: 'dry run',
};

/** @param report null: nothing is known of comparison */
export function ledgerFlow(ledger: LedgerSums, report: Report | null): LedgerFlow {
  const exits = [new Map<Outcome, Leaving>(), new Map<Outcome, Leaving>(), new Map<Outcome, Leaving>()] as const;
  let mirrored = 0;
  for (const { outcome, reason, count } of ledger.requests) {
    if (outcome === 'mirrored') mirrored += count;
    else add(exits[LEAVES_AT[outcome]], outcome, reason, count);
  }
  const [first, second, third] = exits.map(exitsOf) as [Exit[], Exit[], Exit[]];
  if (ledger.open > 0) first.push({ name: 'under way', count: ledger.open, reasons: [] });
  const sampled = mirrored + total(third);
  const matched = sampled + total(second);
  return {
    requests: [
      { name: 'seen', count: matched + total(first), exits: byCount(first) },
      { name: 'matched', count: matched, exits: byCount(second) },
      { name: 'sampled', count: sampled, exits: byCount(third) },
      { name: 'sent', count: mirrored, exits: [] },
    ],
    copies: copiesOf(ledger, report),
  };
}

interface Leaving {
  count: number;
  readonly reasons: Map<string, number>;
}

function add(exits: Map<Outcome, Leaving>, outcome: Outcome, reason: string, count: number): void {
  const exit = exits.get(outcome) ?? { count: 0, reasons: new Map<string, number>() };
  exit.count += count;
  if (reason !== '') exit.reasons.set(reason, (exit.reasons.get(reason) ?? 0) + count);
  exits.set(outcome, exit);
}

function exitsOf(exits: ReadonlyMap<Outcome, Leaving>): Exit[] {
  return Array.from(exits, ([outcome, { count, reasons }]) => ({
    name: NAMES[outcome] ?? outcome,
    count,
    reasons: Array.from(reasons, ([reason, of]) => ({ reason, count: of })).sort((a, b) => b.count - a.count),
  }));
}

/** Copies that were answered, and what comparing them gave. */
function copiesOf(ledger: LedgerSums, report: Report | null): Station {
  const judged = new Set(report?.policies.map(({ policy, target }) => `${policy} ${target}`));
  let [answered, unwanted] = [0, 0];
  for (const { policy, target, outcome, count } of ledger.copies) {
    if (outcome !== 'mirrored') continue;
    answered += count;
    if (!judged.has(`${policy} ${target}`)) unwanted += count;
  }
  const sums = { equal: 0, noise: 0, different: 0, notCompared: 0 };
  for (const { counts } of report?.policies ?? []) {
    sums.equal += counts.equal;
    sums.noise += counts.noise;
    sums.different += counts.different;
    // Those that failed were not answered.
    for (const [why, count] of Object.entries(counts.notCompared)) if (why !== 'failed') sums.notCompared += count;
  }
  const known = sums.equal + sums.noise + sums.different + sums.notCompared;
  const exits = [
    exit('equal', sums.equal),
    exit('noise only', sums.noise),
    exit('different', sums.different),
    exit('not compared', sums.notCompared),
    exit('no comparison wanted', Math.min(unwanted, Math.max(0, answered - known))),
    // Reports are made every few seconds, the ledger is asked for all the time.
    exit('not in the report yet', Math.max(0, answered - known - unwanted)),
  ];
  return { name: 'answered copies', count: Math.max(answered, known), exits: exits.filter(({ count }) => count > 0) };
}

function exit(name: string, count: number): Exit {
  return { name, count, reasons: [] };
}

function total(exits: readonly Exit[]): number {
  return exits.reduce((sum, { count }) => sum + count, 0);
}

function byCount(exits: readonly Exit[]): Exit[] {
  return exits.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
}
