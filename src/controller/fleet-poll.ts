import { messageOf } from '../errors.ts';
import type { AgentReport } from '../kube/agent-report.ts';
import type { AgentPod } from '../kube/agents.ts';
import { askAgent, inTurns } from '../kube/ask-agents.ts';
import { FleetTally, type PolicySummary } from '../kube/fleet.ts';
import type { Logger } from '../log.ts';
import { Rounds } from './rounds.ts';

/** What all agents together said when they were asked last. */
export interface FleetView {
  /** By `namespace/name` of the policy. */
  readonly summaries: ReadonlyMap<string, PolicySummary>;
  readonly answered: number;
  /** Pods of agents. */
  readonly all: number;
}

export interface FleetPollOptions {
  /** null: there is no need to ask. */
  readonly agents: () => readonly AgentPod[] | null;
  /** After each time that all have been asked. */
  readonly onView: () => void;
  /** From the beginning of one round to that of the next, milliseconds. */
  readonly everyMs: number;
  readonly log: Logger;
  /** Another page that agents are asked for besides, and who is told what it says; null: none is needed now. */
  readonly also?: { readonly page: () => string | null; readonly onAnswer: (stats: AgentReport, value: unknown) => void };
}

/** Agents that are asked a second, at most, over a round. */
const ASKED_PER_SECOND = 100;

/** Rounds are no closer together, milliseconds from beginning to beginning. */
export function gapMs(agents: number): number {
  return (1000 * agents) / ASKED_PER_SECOND;
}

/** Nor are those that something has hurried. */
const LEAST_GAP_MS = 500;

/** Asks all agents again and again. Of what they say only sums are kept: the answers of thousands would be too large. */
export class FleetPoll {
  readonly #options: FleetPollOptions;
  readonly #rounds = new Rounds(() => this.#round());
  readonly #stopped = new AbortController();
  #view: FleetView | null = null;
  #begunMs = -Infinity;

  constructor(options: FleetPollOptions) {
    this.#options = options;
  }

  /** null: nobody has been asked yet, or not for a while. */
  get view(): FleetView | null {
    return this.#view;
  }

  /** The next round comes as soon as may be: something is different, and agents will say so. */
  hurry(): void {
    if (this.#view === null) this.#rounds.hurry(0);
    else this.#rounds.hurry(Math.max(LEAST_GAP_MS, this.#begunMs + gapMs(this.#view.all) - performance.now()));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#rounds.stop();
  }

  async #round(): Promise<number> {
    const { agents: list, everyMs, onView } = this.#options;
    this.#begunMs = performance.now();
    const agents = list();
    if (agents === null) {
      this.#view = null;
      return everyMs;
    }
    const view = await this.#ask(agents);
    if (this.#stopped.signal.aborted) return everyMs;
    this.#view = view;
    onView();
    return Math.max(LEAST_GAP_MS, this.#begunMs + Math.max(everyMs, gapMs(agents.length)) - performance.now());
  }

  async #ask(agents: readonly AgentPod[]): Promise<FleetView> {
    const tally = new FleetTally();
    let answered = 0;
    const { signal } = this.#stopped;
    const { log, also } = this.#options;
    await inTurns(agents.filter(({ address }) => address !== ''), async (agent) => {
      if (signal.aborted) return;
      const { stats, node, pod, problem } = await askAgent(agent, (one) => pageOf(one, '/stats', signal));
      if (stats === null) return log.debug({ node, pod, problem }, 'an agent does not answer');
      tally.add(stats);
      answered += 1;
      const page = also?.page() ?? null;
      if (page === null) return;
      // One of another version has no such page.
      const value = await pageOf(agent, page, signal).catch(() => null);
      also?.onAnswer(stats, value);
    });
    return { summaries: new Map(tally.summaries().map((summary) => [summary.policy, summary])), answered, all: agents.length };
  }
}

const ASK_TIMEOUT_MS = 3_000;
/** A node with a thousand policies says less. */
const MAX_ANSWER_BYTES = 4 << 20;

/** On the cluster's network, past the API server. */
async function pageOf({ address, port }: AgentPod, page: string, stopped: AbortSignal): Promise<unknown> {
  const host = address.includes(':') ? `[${address}]` : address;
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(ASK_TIMEOUT_MS)]);
    const response = await fetch(`http://${host}:${port}${page}`, { signal, redirect: 'error' });
    return JSON.parse(await bodyOf(response));
  } catch (cause) {
    throw new Error(`its admin port ${host}:${port} does not answer (${messageOf(cause)}); does a NetworkPolicy stand between?`, { cause });
  }
}

async function bodyOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`it says more than ${MAX_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
