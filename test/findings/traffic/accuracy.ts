import type { Finding } from '../../../src/findings/data.ts';
import { RULES, type RuleId } from '../../../src/findings/rules.ts';
import { attacks, type Attack } from './attacks.ts';
import { ordinaryTraffic } from './ordinary.ts';
import { ENDPOINTS, World, type Event } from './world.ts';

/** How one rule fared over all runs. A finding is one rule, source and endpoint. */
export interface RuleAccuracy {
  readonly rule: RuleId;
  readonly planted: number;
  readonly found: number;
  /** Of those that a look at heads can find, how many are planted and found. */
  readonly visible: number;
  readonly visibleFound: number;
  /** Findings of ordinary traffic. */
  readonly falseFindings: number;
}

export interface Accuracy {
  readonly rules: readonly RuleAccuracy[];
  readonly ordinaryRequests: number;
  readonly attackRequests: number;
  /** What was found that nobody had planted, and what was planted and not found: for people. */
  readonly wrong: readonly string[];
  readonly missed: readonly string[];
}

/** Attacks begin when the watchman has learnt what is usual. */
const LEARNT = 420;

export interface RunOptions {
  readonly seeds: readonly number[];
  readonly hours: number;
}

/** Plants all attacks in ordinary traffic, once with each seed, and compares what is found with what was planted. */
export function measureAccuracy({ seeds, hours }: RunOptions): Accuracy {
  const sums = new Map(Object.keys(RULES).map((rule) => [rule, { planted: 0, found: 0, visible: 0, visibleFound: 0, falseFindings: 0 }]));
  const wrong: string[] = [];
  const missed: string[] = [];
  let ordinaryRequests = 0;
  let attackRequests = 0;
  for (const seed of seeds) {
    const ordinary = ordinaryTraffic(seed, hours);
    const planted = attacks(seed, LEARNT, hours * 3600 - 300);
    const together = [...ordinary, ...planted.flatMap((attack) => attack.events)].sort((a, b) => a.at - b.at);
    ordinaryRequests += ordinary.length;
    attackRequests += together.length - ordinary.length;
    const alone = findingsIn(ordinary);
    const findings = findingsIn(together);
    // What attacks do not explain is wrong, whether they are there or not.
    const unexplained = new Map([...alone, ...withoutPlanted(findings, planted)]);
    for (const { rule, source, endpoint, evidence } of unexplained.values()) {
      sums.get(rule)!.falseFindings += 1;
      wrong.push(`${rule} of ${source || 'many'} at ${endpoint}: ${evidence}`);
    }
    for (const attack of planted) {
      const sum = sums.get(attack.rule)!;
      const isFound = findings.has(keyOfAttack(attack, attack.rule));
      sum.planted += 1;
      if (isFound) sum.found += 1;
      if (!attack.isHard) sum.visible += 1;
      if (!attack.isHard && isFound) sum.visibleFound += 1;
      if (!isFound) missed.push(`${attack.rule}: ${describeAttack(attack)}`);
    }
  }
  const rules = Array.from(sums, ([rule, sum]) => ({ rule: rule as RuleId, ...sum }));
  return { rules, ordinaryRequests, attackRequests, wrong, missed };
}

/** All that was found at any time, by rule, source and endpoint. */
function findingsIn(events: readonly Event[]): Map<string, Finding> {
  const world = new World();
  const findings = new Map<string, Finding>();
  for (const event of events) {
    world.exchange(event);
    for (const finding of world.watchman.news()) findings.set(keyOf(finding), finding);
  }
  return findings;
}

/** Who takes part in what many do may be found alone, too, and what one does may be much for the endpoint. */
function withoutPlanted(findings: ReadonlyMap<string, Finding>, planted: readonly Attack[]): Map<string, Finding> {
  const left = new Map(findings);
  for (const attack of planted) {
    for (const rule of [attack.rule, ...attack.also]) {
      left.delete(keyOfAttack(attack, rule));
      left.delete(keyOfAttack({ ...attack, source: '' }, rule));
    }
    if (attack.source !== '') continue;
    for (const { client } of attack.events) {
      left.delete(keyOfAttack({ ...attack, source: client }, attack.rule === 'request-flood' ? 'source-flood' : attack.rule));
    }
  }
  return left;
}

/** Precision and recall, 0 to 1; NaN where there was nothing. */
export function precisionOf({ found, falseFindings }: RuleAccuracy): number {
  return found / (found + falseFindings);
}

export function recallOf({ found, planted }: RuleAccuracy): number {
  return found / planted;
}

function keyOf({ rule, source, endpoint }: Pick<Finding, 'rule' | 'source' | 'endpoint'>): string {
  return `${rule} ${source} ${endpoint}`;
}

function keyOfAttack({ source, endpoint }: Pick<Attack, 'source' | 'endpoint'>, rule: RuleId): string {
  return keyOf({ rule, source, endpoint: ENDPOINTS.get(endpoint)! });
}

function describeAttack({ events }: Attack): string {
  return `${events.length} × ${events[0]?.request.slice(0, 110).replace(/[^\x20-\x7e]+/g, '·')}`;
}
