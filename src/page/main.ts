import type { Report } from '../compare/report.ts';
import type { AgentStats, InsightData } from '../stats.ts';
import type { LiveFilter } from '../worker/live-exchange.ts';
import { render } from './html.ts';
import { onKey } from './keyboard.ts';
import { LiveList } from './live-list.ts';
import { TABS, type Actions, type Link, type LiveRow, type Model, type Tab, type Theme } from './model.ts';
import { Poll } from './poll.ts';
import { Rates } from './rates.ts';
import { shell } from './shell.ts';
import { applyTheme, nextTheme, storedTheme } from './theme.ts';

const STATS_MS = 1_000;
/** The agent makes a report no more often. */
const REPORT_MS = 5_000;
const VIEWER_MS = 10_000;

/** The page: keeps what it has heard, and draws itself once a frame at most. */
class Page implements Model, Actions {
  tab: Tab = 'overview';
  link: Link = 'connecting';
  theme: Theme = storedTheme();
  helpOpen = false;
  stats: AgentStats | null = null;
  report: Report | null = null;
  insight: InsightData | null = null;
  search = '';
  chosen = '';
  readonly rates = new Rates();
  readonly live = new LiveList(() => this.#draw());
  readonly #root: HTMLElement;
  #isRefused = false;
  #isDrawing = false;

  constructor(root: HTMLElement) {
    this.#root = root;
    root.replaceChildren();
  }

  start(): void {
    applyTheme(this.theme);
    this.#followAddress();
    addEventListener('hashchange', () => this.#followAddress());
    document.addEventListener('keydown', (event) => onKey(event, this, this));
    document.addEventListener('visibilitychange', () => this.#look());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    new Poll<AgentStats>('stats', STATS_MS, (stats) => this.#onStats(stats), (link) => this.#onLink(link)).start();
    // A session ends, and what is asked for without one is answered without values.
    new Poll<unknown>('viewer', VIEWER_MS, () => {}, (link) => (this.#isRefused = link === 'refused')).start();
    new Poll<InsightData>('insight', REPORT_MS, (insight) => (this.insight = insight)).start();
    new Poll<Report>('report', REPORT_MS, (report) => this.#onReport(report)).start();
  }

  show(tab: Tab): void {
    this.tab = tab;
    // In the address, so that a tab can be linked to and found again.
    history.replaceState(null, '', `#${tab}`);
    this.#look();
  }

  turnTheme(): void {
    this.theme = nextTheme(this.theme);
    applyTheme(this.theme);
    this.#draw();
  }

  toggleHelp(): void {
    this.helpOpen = !this.helpOpen;
    this.#draw();
  }

  searchFor(text: string): void {
    this.search = text;
    this.#draw();
  }

  choose(endpoint: string): void {
    this.chosen = endpoint;
    this.#draw();
  }

  filter(change: Partial<LiveFilter>): void {
    this.live.narrow(change);
  }

  pause(paused: boolean): void {
    this.live.pause(paused);
  }

  select(row: LiveRow | null): void {
    this.live.select(row);
    // On a narrow screen it stands above the list.
    if (matchMedia('(max-width: 900px)').matches) requestAnimationFrame(() => this.#root.querySelector('.live-detail')?.scrollIntoView({ block: 'start' }));
  }

  #onStats(stats: AgentStats): void {
    this.stats = stats;
    this.rates.push(stats, performance.now());
  }

  #onReport(report: Report): void {
    this.report = report;
    this.#draw();
  }

  #onLink(link: Link): void {
    this.link = this.#isRefused ? 'refused' : link;
    this.#draw();
  }

  #followAddress(): void {
    this.tab = TABS.find((tab) => location.hash === `#${tab}`) ?? 'overview';
    this.#look();
  }

  #look(): void {
    this.live.see(this.tab === 'live' && !document.hidden);
    this.#draw();
  }

  #draw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      render(shell(this, this), this.#root);
      const dialog = this.#root.querySelector('dialog');
      if (dialog?.open === false) dialog.showModal();
    });
  }
}

new Page(document.querySelector<HTMLElement>('#app')!).start();
