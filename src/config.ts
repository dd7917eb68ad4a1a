import { AGENT, SETTINGS, type AgentDocument, type EndpointEntry, type KubernetesSettings, type TapChoice } from './config/agent-schema.ts';
import { readDocuments, type SourceDocument } from './config/documents.ts';
import { isLocal, parseListen, type ListenAddress } from './config/listen.ts';
import { readSecret } from './config/secret-file.ts';
import { readHeaders } from './config/headers-file.ts';
import { readPemFiles } from './config/pem-files.ts';
import { ShadowtapError } from './errors.ts';
import type { LogLevel } from './log.ts';
import type { SelectableEndpoint } from './policy/build-snapshot.ts';
import { check, formatPath, type Problem } from './policy/check.ts';
import { durationMs } from './policy/duration.ts';
import { hashKeys, type HashKeys } from './policy/keys.ts';
import type { MirrorPolicy } from './policy/schema.ts';
import { policyName } from './policy/policy-name.ts';
import { validatePolicy } from './policy/validate.ts';
import type { Endpoint } from './tap/tap.ts';

/** All that an agent is told by its file. */
export interface AgentConfig {
  readonly settings: AgentSettings;
  readonly endpoints: readonly ConfiguredEndpoint[];
  readonly policies: readonly MirrorPolicy[];
  /** Contents of the PEM files that targets name, by path. */
  readonly pemFiles: Readonly<Record<string, string>>;
  /** null: a standalone agent, which has endpoints. Else they, and the policies, are the cluster's to say. */
  readonly kubernetes: KubernetesSettings | null;
}

export interface AgentSettings {
  readonly tap: TapChoice;
  readonly workers: number;
  /** Bytes of each worker's ring, a power of two. */
  readonly ringBytes: number;
  /** Bytes that captured traffic may take up in all workers together. */
  readonly memoryBytes: number;
  /** null: no admin server. */
  readonly admin: ListenAddress | null;
  readonly page: PageSettings;
  readonly findings: FindingsSettings;
  readonly drainGraceMs: number;
  readonly logLevel: LogLevel;
  /** Lower case. */
  readonly markerHeader: string;
  /** Cores that the agent may use before it mirrors less; null for no limit. */
  readonly cpuBudget: number | null;
  /** Percent of the time in which some task of the node may wait for a CPU before the agent mirrors less; null for no limit. */
  readonly cpuPressure: number | null;
  readonly hashKeys: HashKeys;
  /** While this file exists, nothing is mirrored; null for none. */
  readonly killSwitchFile: string | null;
  /** What becomes of the taps meanwhile. */
  readonly killSwitchTaps: 'Keep' | 'Detach';
}

export interface FindingsSettings {
  /** How long it is learnt what is usual. */
  readonly learnSeconds: number;
  /** null: nobody is told. */
  readonly webhook: WebhookSettings | null;
}

export interface WebhookSettings {
  readonly url: string;
  readonly minSeverity: AgentDocument['spec']['findings']['minSeverity'];
  /** By lower-case name. Secret. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface PageSettings {
  readonly enabled: boolean;
  /** By which viewers may see values; null: those on this machine may. */
  readonly token: string | null;
  /** Contents are shown as well. */
  readonly bodies: boolean;
}

/** An endpoint with the names of its ports, and where to look for it: it need not be there yet. */
export type ConfiguredEndpoint = Omit<Endpoint, 'location'> & SelectableEndpoint & { readonly where: EndpointEntry };

/** Settings given on the command line, as typed; they win over the file's. */
export type SettingFlags = { readonly [K in keyof typeof SETTINGS]?: string | number };

/** What one document of a file turned out to be. */
export interface DocumentReport {
  readonly document: SourceDocument;
  /** `MirrorPolicy shop/checkout`, or `document 2` where it does not say. */
  readonly title: string;
  readonly agent: AgentDocument | null;
  readonly policy: MirrorPolicy | null;
  /** One line each, with file, line, document and field; empty where the document is right. */
  readonly problems: readonly string[];
}

/**
 * Reads the configuration of a standalone agent. Its endpoints are looked for later, again and again.
 * @throws ShadowtapError CONFIG_FILE, CONFIG_INVALID (all problems, one a line), USAGE (a flag)
 */
export function loadConfig(file: string, flags: SettingFlags = {}): AgentConfig {
  const { agent, policies } = agentIn(file);
  if (agent.spec.kubernetes !== undefined && policies.length > 0) {
    throw new ShadowtapError('CONFIG_INVALID', `${file}: an agent in a cluster takes its policies from there; kubectl apply them instead`);
  }
  return {
    settings: settingsOf({ ...agent.spec, ...checkedFlags(flags) }),
    endpoints: (agent.spec.endpoints ?? []).map(configuredEndpoint),
    policies,
    pemFiles: readPemFiles(policies),
    kubernetes: agent.spec.kubernetes ?? null,
  };
}

/** What the controller goes by of an Agent. */
export interface ControllerConfig extends Pick<AgentSettings, 'admin' | 'logLevel'> {
  /** null: it is not for a cluster. */
  readonly kubernetes: AgentConfig['kubernetes'];
}

/**
 * Reads the same file for a controller. Files with secrets of the agents that it names are not looked at: they are mounted for
 * those alone.
 * @throws ShadowtapError CONFIG_FILE, CONFIG_INVALID, USAGE
 */
export function loadControllerConfig(file: string, flags: SettingFlags = {}): ControllerConfig {
  const { admin, logLevel, kubernetes = null } = { ...agentIn(file).agent.spec, ...checkedFlags(flags) };
  return { admin: listenAddress(admin), logLevel, kubernetes };
}

function agentIn(file: string): { readonly agent: AgentDocument; readonly policies: readonly MirrorPolicy[] } {
  const reports = inspect(file);
  refuseProblems(reports);
  const [agent] = reports.flatMap((report) => report.agent ?? []);
  if (agent !== undefined) return { agent, policies: reports.flatMap(({ policy }) => policy ?? []) };
  throw new ShadowtapError('CONFIG_INVALID', `${file}: has no document of kind Agent; add one that names the endpoints`);
}

/**
 * Reads the policies of a file; an Agent in it is checked and left aside.
 * @throws ShadowtapError CONFIG_FILE, CONFIG_INVALID
 */
export function loadPolicies(file: string): readonly MirrorPolicy[] {
  const reports = inspect(file).map(refuseServices);
  refuseProblems(reports);
  const policies = reports.flatMap(({ policy }) => policy ?? []);
  if (policies.length > 0) return policies;
  throw new ShadowtapError('CONFIG_INVALID', `${file}: has no document of kind MirrorPolicy; add one`);
}

/**
 * Checks each document of a file by itself; nothing on this machine is looked at.
 * @throws ShadowtapError CONFIG_FILE
 */
export function inspect(file: string): readonly DocumentReport[] {
  const documents = readDocuments(file);
  if (documents.length === 0) {
    throw new ShadowtapError('CONFIG_FILE', `${file}: has no documents; add some of kind Agent and MirrorPolicy`);
  }
  const reports = documents.map(reportOn);
  const standalone = reports.some(({ agent }) => agent?.spec.endpoints !== undefined);
  return reports.map((report, index) => refuseSecond(standalone ? refuseServices(report) : report, reports.slice(0, index)));
}

function reportOn(document: SourceDocument, index: number): DocumentReport {
  const kind = fieldOf(document.value, 'kind');
  const title = titleOf(document.value, index);
  const bare = { document, title, agent: null, policy: null };
  if (kind === 'Agent') {
    const { value, problems } = check(AGENT, document.value);
    return { ...bare, agent: value, problems: lines(document, title, problems) };
  }
  if (kind === 'MirrorPolicy') {
    const { value, problems } = validatePolicy(document.value);
    return { ...bare, policy: value, problems: lines(document, title, problems) };
  }
  const message = kind === undefined ? 'missing; give Agent or MirrorPolicy' : `${JSON.stringify(kind)} is not allowed; give Agent or MirrorPolicy`;
  return { ...bare, problems: lines(document, title, [{ path: ['kind'], message }]) };
}

/** Names and recorded files must differ, and there is one agent. */
function refuseSecond(report: DocumentReport, before: readonly DocumentReport[]): DocumentReport {
  const { document, title, agent, policy } = report;
  const refused = (path: (string | number)[], message: string): DocumentReport => ({
    ...report,
    agent: null,
    policy: null,
    problems: lines(document, title, [{ path, message }]),
  });
  if (agent !== null && before.some((other) => other.agent !== null)) return refused(['kind'], 'a second Agent; keep one');
  if (policy === null) return report;
  const name = policyName(policy);
  const twice = before.some((other) => other.policy !== null && policyName(other.policy) === name);
  if (twice) return refused(['metadata', 'name'], `a second MirrorPolicy ${name}; give each its own name`);
  const taken = new Set(before.flatMap((other) => (other.policy === null ? [] : filesOf(other.policy))));
  for (const [index, path] of filesOf(policy).entries()) {
    if (path === null) continue;
    if (taken.has(path)) return refused(['spec', 'targets', index, 'file', 'path'], `another target records to ${path}, too; give each its own`);
    taken.add(path);
  }
  return report;
}

/** Only a cluster knows what is behind a Service. */
function refuseServices(report: DocumentReport): DocumentReport {
  const { document, title, policy } = report;
  const problems = (policy?.spec.targets ?? []).flatMap(({ backendRef }, index): Problem[] => {
    if (backendRef === undefined) return [];
    return [{ path: ['spec', 'targets', index, 'backendRef'], message: 'is for agents in a cluster; give url here' }];
  });
  return problems.length === 0 ? report : { ...report, policy: null, problems: lines(document, title, problems) };
}

/** By target; null where it is no file. */
function filesOf({ spec }: MirrorPolicy): (string | null)[] {
  return spec.targets.map(({ file }) => file?.path ?? null);
}

function refuseProblems(reports: readonly DocumentReport[]): void {
  const problems = reports.flatMap((report) => report.problems);
  if (problems.length > 0) throw new ShadowtapError('CONFIG_INVALID', problems.join('\n'));
}

function lines(document: SourceDocument, title: string, problems: readonly Problem[] | null): string[] {
  const located = (problems ?? []).map(({ path, message }) => ({ path, message, line: document.lineOf(path) }));
  return located
    .sort((a, b) => a.line - b.line)
    .map(({ path, message, line }) => {
      const field = path.length === 0 ? '' : `${formatPath(path)}: `;
      return `${document.file}:${line}: ${title}: ${field}${message}`;
    });
}

/** A name that can stand in a line of text whatever a file says. */
const PLAIN_NAME = /^[\w.-]{1,253}\/[\w.-]{1,253}$/;

function titleOf(value: unknown, index: number): string {
  const kind = fieldOf(value, 'kind');
  const metadata = fieldOf(value, 'metadata');
  const name = fieldOf(metadata, 'name');
  if (typeof kind !== 'string' || !/^\w{1,63}$/.test(kind)) return `document ${index + 1}`;
  if (kind !== 'MirrorPolicy') return kind;
  const namespace = fieldOf(metadata, 'namespace') ?? 'default';
  const full = `${String(namespace)}/${String(name)}`;
  return name !== undefined && PLAIN_NAME.test(full) ? `MirrorPolicy ${full}` : `MirrorPolicy (document ${index + 1})`;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function checkedFlags(flags: SettingFlags): Partial<AgentDocument['spec']> {
  for (const [name, value] of Object.entries(flags)) {
    const { problems } = check(SETTINGS[name as keyof typeof SETTINGS], value);
    if (problems === null) continue;
    const flag = name.replace(/Bytes$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ShadowtapError('USAGE', `--${flag}: ${problems[0]!.message}`);
  }
  return flags as Partial<AgentDocument['spec']>;
}

function listenAddress(admin: string): ListenAddress | null {
  return admin === 'off' ? null : parseListen(admin);
}

function settingsOf(spec: AgentDocument['spec']): AgentSettings {
  const { tap, workers, ringBytes, memoryBytes, logLevel } = spec;
  const admin = listenAddress(spec.admin);
  return {
    tap,
    workers,
    ringBytes,
    memoryBytes,
    admin,
    page: pageSettings(spec.page, admin),
    findings: findingsSettings(spec.findings),
    drainGraceMs: durationMs(spec.drainGrace),
    logLevel,
    markerHeader: spec.markerHeader.toLowerCase(),
    hashKeys: hashKeys(spec.hashKeyFile === undefined ? null : readSecret('hashKeyFile', spec.hashKeyFile)),
    cpuBudget: spec.cpuBudget ?? null,
    cpuPressure: spec.cpuPressure ?? null,
    killSwitchFile: spec.killSwitchFile ?? null,
    killSwitchTaps: spec.killSwitchTaps,
  };
}

function findingsSettings({ learning, webhook, minSeverity, headersFile }: AgentDocument['spec']['findings']): FindingsSettings {
  if (headersFile !== undefined && webhook === undefined) {
    throw new ShadowtapError('CONFIG_INVALID', 'findings.headersFile: is for a webhook; give findings.webhook, or leave it out');
  }
  const headers = headersFile === undefined ? {} : readHeaders('findings.headersFile', headersFile);
  return { learnSeconds: durationMs(learning) / 1000, webhook: webhook === undefined ? null : { url: webhook, minSeverity, headers } };
}

function pageSettings({ enabled, tokenFile, bodies }: AgentDocument['spec']['page'], admin: ListenAddress | null): PageSettings {
  const local = admin !== null && isLocal(admin.host);
  if (enabled === true && admin !== null && !local && tokenFile === undefined) {
    throw new ShadowtapError('CONFIG_INVALID', `page.tokenFile: missing; give one, since others than this machine reach the admin port at ${admin.host}`);
  }
  return {
    enabled: admin !== null && (enabled ?? local),
    token: tokenFile === undefined ? null : readSecret('page.tokenFile', tokenFile),
    bodies,
  };
}

function configuredEndpoint(entry: EndpointEntry, index: number): ConfiguredEndpoint {
  const portNames: Record<string, number> = {};
  const ports = entry.ports.map((port) => {
    if (typeof port === 'number') return port;
    portNames[port.name] = port.port;
    return port.port;
  });
  const { name, labels, addresses = [] } = entry;
  return { id: index + 1, name, labels, addresses, ports: [...new Set(ports)], portNames, where: entry };
}
