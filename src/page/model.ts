import type { Report } from '../compare/report.ts';
import type { AgentStats, InsightData } from '../stats.ts';
import type { LiveExchange, LiveFilter } from '../worker/live-exchange.ts';
import type { Rates } from './rates.ts';

export const TABS = ['overview', 'report', 'live', 'latency', 'performance', 'findings'] as const;
export type Tab = (typeof TABS)[number];

export type Theme = 'auto' | 'light' | 'dark';

/** `lost`: the agent does not answer and is asked again; `refused`: it does not trust us any more. */
export type Link = 'connecting' | 'connected' | 'lost' | 'refused';

/** All that is shown. What was not heard yet is null. */
export interface Model {
  readonly tab: Tab;
  readonly link: Link;
  readonly theme: Theme;
  readonly helpOpen: boolean;
  readonly stats: AgentStats | null;
  readonly report: Report | null;
  readonly insight: InsightData | null;
  readonly rates: Rates;
  readonly live: LiveModel;
  /** What lists other than that of live exchanges are narrowed down to. */
  readonly search: string;
  /** Which endpoint's latency is shown, see report-rows.ts; empty for the first. */
  readonly chosen: string;
}

export interface LiveRow {
  /** Unique in the page's life. */
  readonly id: number;
  readonly exchange: LiveExchange;
}

export interface LiveModel {
  readonly filter: LiveFilter;
  readonly paused: boolean;
  readonly connected: boolean;
  /** Newest first; bounded. */
  readonly rows: readonly LiveRow[];
  readonly selected: LiveRow | null;
  /** A second: exchanges that fit the filter, and those of them that are not shown. */
  readonly matchedRate: number;
  readonly leftRate: number;
  /** Batches that were left out because this page was too slow. */
  readonly missed: number;
}

/** What people can do. */
export interface Actions {
  show(tab: Tab): void;
  turnTheme(): void;
  toggleHelp(): void;
  searchFor(text: string): void;
  choose(endpoint: string): void;
  filter(change: Partial<LiveFilter>): void;
  pause(paused: boolean): void;
  select(row: LiveRow | null): void;
}

export type Part = (model: Model, actions: Actions) => unknown;
