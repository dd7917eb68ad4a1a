import { readFileSync } from 'node:fs';
import { fileProblem, messageOf, ShadowtapError } from '../errors.ts';
import { agentsOf, type ClusterOptions } from './status.ts';

/** How the command line says whom to ask: one agent by its admin port, or all agents of a cluster. */
export interface PageOptions extends ClusterOptions {
  /** `host:port` or URL of one agent's admin port. */
  readonly admin?: string;
  /** File with the token that agents ask for before they show values. */
  readonly tokenFile?: string;
}

/** What one agent said; `problem` tells why it said nothing. */
export interface AgentPageAnswer {
  readonly agent: string;
  readonly value: unknown;
  readonly problem: string;
}

/** Somebody to ask for pages of the admin port. */
export interface AgentPages {
  /** @param page path with its query @returns by name; never throws for an agent that does not answer */
  ask(page: string): Promise<readonly AgentPageAnswer[]>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;

/** @throws ShadowtapError USAGE, KUBE_CONFIG, KUBE_API */
export async function openAgentPages(options: PageOptions): Promise<AgentPages> {
  const token = options.tokenFile === undefined ? null : tokenIn(options.tokenFile);
  // The proxy of the API server keeps Authorization for itself.
  const headers = token === null ? {} : { 'x-shadowtap-token': token };
  if (options.admin !== undefined) return oneAgent(adminUrl(options.admin), headers);
  const [{ ApiClient }, { inTurns }, { pageOf }] = await Promise.all([
    import('../kube/api-client.ts'),
    import('../kube/ask-agents.ts'),
    import('../kube/fleet-stats.ts'),
  ]);
  const api = ApiClient.fromKubeconfig(options.kubeconfig, options.context);
  const agents = await agentsOf(api, options).catch(async (error: unknown) => {
    await api.close();
    throw error;
  });
  return {
    async ask(page) {
      const answers = await inTurns(agents, (agent) => answerOf(agent.node, () => pageOf(api, agent, page, headers)));
      return answers.sort((a, b) => (a.agent < b.agent ? -1 : 1));
    },
    close: () => api.close(),
  };
}

/**
 * Asks all of them for a page.
 * @param read null: it is no such page
 * @returns what those said that could be understood, by agent, and what is wrong with the others
 */
export async function readPages<T>(pages: AgentPages, page: string, read: (value: unknown) => T | null): Promise<{ readonly said: ReadonlyMap<string, T>; readonly problems: readonly string[] }> {
  const said = new Map<string, T>();
  const problems: string[] = [];
  for (const { agent, value, problem } of await pages.ask(page)) {
    const understood = problem === '' ? read(value) : null;
    if (understood !== null) said.set(agent, understood);
    else problems.push(`${agent}: ${problem || 'what it says cannot be read; is it of another version?'}`);
  }
  return { said, problems };
}

function oneAgent(base: URL, headers: Readonly<Record<string, string>>): AgentPages {
  return {
    ask: async (page) => [
      await answerOf(base.host, async () => {
        const response = await fetch(new URL(page, base), { headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (!response.ok) throw new Error(`${page} is answered with ${response.status}: ${(await response.text()).trim().slice(0, 200)}`);
        return response.json();
      }),
    ],
    close: async () => {},
  };
}

async function answerOf(agent: string, ask: () => Promise<unknown>): Promise<AgentPageAnswer> {
  try {
    return { agent, value: await ask(), problem: '' };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
    return { agent, value: null, problem: `${messageOf(error)}${cause}` };
  }
}

function adminUrl(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new ShadowtapError('USAGE', `--admin: ${JSON.stringify(text)} is not allowed; give an address such as 127.0.0.1:9464`);
}

function tokenIn(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new ShadowtapError('USAGE', `--token-file: ${path}: ${fileProblem(cause)}`, { cause });
  }
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new ShadowtapError('USAGE', `--token-file: ${path} holds no token: give one line of printable characters without spaces`);
}
