import { Comparator, type CompareTarget } from '../../../src/compare/comparator.ts';
import { judge } from '../../../src/compare/judge.ts';
import type { PolicyReport, Verdict } from '../../../src/compare/report.ts';
import { ByteBudget } from '../../../src/flow/budget.ts';
import { PathTemplates } from '../../../src/sketch/path-templates.ts';
import { seededRandom } from '../../../src/sketch/random.ts';
import { questionKey } from '../../../src/worker/question.ts';
import { DEFECTS, type Defect } from './defects.ts';
import { newDiffer } from './differ.ts';
import { Instance } from './servers.ts';
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
export interface Score {
  readonly setting: string;
  readonly rate: number;
  readonly volume: number;
  /** Defects that were in an answer at least once, and of them those that are findings. */
  readonly occurred: number;
  readonly found: number;
  /** Findings at places where nothing was planted. */
  readonly falseFindings: readonly string[];
  /** Places that are findings. */
  readonly findings: number;
  readonly missed: readonly string[];
  readonly verdict: Verdict;
}

/** Requests of a shop with fifty a second. */
const STEP_MS = 20;
/** A copy arrives so much later at most. */
const LAG_MS = 10;
const START_MS = Date.UTC(2026, 0, 5, 9);
const HEADERS = ['Host', 'shop.example', 'Accept', 'application/json', 'Accept-Encoding', 'gzip', 'User-Agent', 'shop-app/3.1'];

/** Two versions of the shop, the same requests to both over HTTP, and what the comparator and the judge say of it. Time is simulated, so it is the same in each run. */
export async function runTrial({ seed, rate, volumes }: TrialOptions): Promise<Score[]> {
  let nowMs = START_MS;
  const now = () => nowMs;
  const instance = (name: string, number: number, share: number) => Instance.start({ name, seed: seed * 10 + number, now, defects: DEFECTS, rate: share });
  await using production = await instance('shop-v1-7d9f', 1, 0);
  await using mirror = await instance('shop-v2-c41a', 2, rate);
  await using baseline = await instance('shop-v1-base', 3, 0);
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
    const answer = await production.ask(request, HEADERS);
    nowMs = startMs + 1 + Math.floor(random() * LAG_MS);
    const copies = { Mirror: await mirror.ask(request, HEADERS), Baseline: await baseline.ask(request, HEADERS) };
    for (const { key, role } of targets) comparator.compare(key, question, answer, copies[role]);
    nowMs = startMs + STEP_MS;
    if (!volumes.includes(count)) continue;
    const report = judge(comparator.data(), rulesOf);
    for (const setting of SETTINGS) {
      const policy = report.policies.find(({ policy: name, role }) => name === setting.name && role === 'Mirror');
      if (policy === undefined) throw new Error(`the report does not tell of ${setting.name}`);
      scores.push({ setting: setting.name, rate, volume: count, ...scoreOf(policy, mirror.planted) });
    }
  }
  return scores;
}

function targetsOf({ name, learnNoise, baseline, ignore }: Setting): CompareTarget[] {
  const differ = newDiffer(ignore);
  const target = (role: 'Mirror' | 'Baseline'): CompareTarget => ({ key: `${name} ${role}`, policy: name, target: role, role, rules: '', differ, learnNoise, examples: false });
  return baseline ? [target('Mirror'), target('Baseline')] : [target('Mirror')];
}

function rulesOf(policy: string) {
  const { learnNoise } = SETTINGS.find(({ name }) => name === policy)!;
  return { maxDifferentPercent: 0, maxSlowdownPercent: 10, confidencePercent: 95, minCompared: 100, learnNoise };
}

function questionOf({ method, target, body }: ShopRequest, templates: PathTemplates) {
  const request = { method, target, scheme: 'http', authority: 'shop.example', headers: HEADERS };
  return { method, target, template: templates.of(target), key: questionKey(request, Buffer.from(body)), grpc: false };
}

function scoreOf({ endpoints, verdict }: PolicyReport, planted: ReadonlyMap<Defect, number>): Omit<Score, 'setting' | 'rate' | 'volume'> {
  const found = new Set<Defect>();
  const falseFindings: string[] = [];
  let findings = 0;
  for (const { method, template, fields } of endpoints) {
    for (const { where, kind } of fields) {
      findings++;
      const defects = [...planted.keys()].filter((defect) => defect.method === method && defect.path.test(template) && defect.where.test(where));
      for (const defect of defects) found.add(defect);
      if (defects.length === 0) falseFindings.push(`${method} ${template}: ${kind} ${where}`);
    }
  }
  const missed = [...planted.keys()].filter((defect) => !found.has(defect)).map(({ name }) => name);
  return { occurred: planted.size, found: found.size, falseFindings, findings, missed, verdict };
}
