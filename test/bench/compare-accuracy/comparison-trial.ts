import { Comparator, type CompareTarget } from '../../../src/compare/comparator.ts';
import { Differ } from '../../../src/compare/differ/differ.ts';
import { judge } from '../../../src/compare/judge/judge.ts';
import { compareRules } from '../../../src/compare/differ/rules.ts';
import { ByteBudget } from '../../../src/flow/budget.ts';
import { HttpRequest } from '../../../src/http/exchange.ts';
import { PathTemplates } from '../../../src/sketch/path-templates.ts';
import { seededRandom } from '../../../src/sketch/random.ts';
import { questionKey } from '../../../src/worker/question.ts';
import { scoreOf, type Found } from './score.ts';
import { Client, HEADERS, Instance } from './servers.ts';
import type { ShopRequest } from './shop.ts';
import { traffic } from './traffic.ts';

/** How the comparison is set up. */
export interface Setting {
  readonly name: string;
  readonly learnNoise: boolean;
  /** Another instance of version 1 gets every request as well. */
  readonly baseline: boolean;
  /** Pointers that the policy ignores. */
  readonly ignore: readonly string[];
}

export const SETTINGS: readonly Setting[] = [
  { name: 'nothing learnt', learnNoise: false, baseline: false, ignore: [] },
  { name: 'learnt', learnNoise: true, baseline: false, ignore: [] },
  { name: 'learnt, one rule', learnNoise: true, baseline: false, ignore: ['/source'] },
  { name: 'learnt, baseline', learnNoise: true, baseline: true, ignore: [] },
];

export interface TrialOptions {
  readonly seed: number;
  /** Share of an endpoint's requests in which each of its defects shows; 0 for two equal versions. */
  readonly rate: number;
  /** Exchanges after which it is judged, ascending. */
  readonly volumes: readonly number[];
}

/** What one setting made of a trial. */
export interface Score extends Found {
  readonly setting: string;
  readonly rate: number;
  readonly volume: number;
}

/** Requests of a shop with fifty a second. */
const STEP_MS = 20;
/** A copy arrives so much later at most. */
const LAG_MS = 10;
const START_MS = Date.UTC(2026, 0, 5, 9);

/** Two versions of the shop, the same requests to both over HTTP, and what the comparator and the judge say of it. Time is simulated, so it is the same in each run. */
export async function runTrial({ seed, rate, volumes }: TrialOptions): Promise<Score[]> {
  let nowMs = START_MS;
  const now = () => nowMs;
  await using production = await Instance.start({ name: 'shop-v1-7d9f', seed: seed * 10 + 1, rate: 0, now });
  await using mirror = await Instance.start({ name: 'shop-v2-c41a', seed: seed * 10 + 2, rate, now });
  await using baseline = await Instance.start({ name: 'shop-v1-base', seed: seed * 10 + 3, rate: 0, now });
  using toProduction = new Client(production.port);
  using toMirror = new Client(mirror.port);
  using toBaseline = new Client(baseline.port);
  const random = seededRandom(seed);
  const templates = new PathTemplates();
  const fold = (template: string) => templates.of(template);
  const comparator = new Comparator({ memory: new ByteBudget(64 * 1024 * 1024), fold, now, random });
  const targets = SETTINGS.flatMap(targetsOf);
  comparator.configure(targets);
  const scores: Score[] = [];
  const requests = traffic(seed);
  for (let count = 1; count <= volumes.at(-1)!; count++) {
    const request = requests.next().value;
    const question = questionOf(request, templates);
    const startMs = nowMs;
    const answer = await toProduction.ask(request);
    nowMs = startMs + 1 + Math.floor(random() * LAG_MS);
    const copies = { Mirror: await toMirror.ask(request), Baseline: await toBaseline.ask(request) };
    for (const { key, role } of targets) comparator.compare(key, question, answer, copies[role]);
    nowMs = startMs + STEP_MS;
    if (!volumes.includes(count)) continue;
    const report = judge(comparator.data(), rulesOf);
    for (const setting of SETTINGS) {
      const policy = report.policies.find(({ policy: name, role }) => name === setting.name && role === 'Mirror');
      if (policy === undefined) throw new Error(`the report does not tell of ${setting.name}`);
      scores.push({ setting: setting.name, rate, volume: count, ...scoreOf(policy, [...mirror.planted.keys()]) });
    }
  }
  return scores;
}

function targetsOf({ name, learnNoise, baseline, ignore }: Setting): CompareTarget[] {
  const rules = { maxBodyBytes: 262_144, headers: 'All', ignore: ignore.map((pointer) => ({ pointer })), tolerance: [], keyed: [], examples: 'Masked' } as const;
  const differ = new Differ(compareRules(rules));
  const target = (role: 'Mirror' | 'Baseline'): CompareTarget => ({ key: `${name} ${role}`, policy: name, target: role, role, rules: '', differ, learnNoise, examples: false });
  return baseline ? [target('Mirror'), target('Baseline')] : [target('Mirror')];
}

function rulesOf(policy: string) {
  const { learnNoise } = SETTINGS.find(({ name }) => name === policy)!;
  return { maxDifferentPercent: 0, maxSlowdownPercent: 10, confidencePercent: 95, minCompared: 100, learnNoise };
}

function questionOf({ method, target, body }: ShopRequest, templates: PathTemplates) {
  const request = new HttpRequest();
  Object.assign(request, { method, target, headers: HEADERS });
  return { method, target, template: templates.of(target), key: questionKey(request, Buffer.from(body)), grpc: false };
}
