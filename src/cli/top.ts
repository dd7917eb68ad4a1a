import { ShadowtapError } from '../errors.ts';
import type { ObserveData } from '../observe/data.ts';
import { mergeObserve } from '../observe/merge.ts';
import { openAgentPages, readPages, type PageOptions } from './agent-pages.ts';
import { checkFormat } from './format.ts';
import { EXIT_FAILED, EXIT_OK, type Io } from './io.ts';
import { printable, printableJson } from './printable.ts';
import { renderTable } from './table.ts';
import { rank, RANKINGS, type Ranking, type TopRow } from './top/ranking.ts';
import { readObserve } from './top/read-observe.ts';

export interface TopOptions extends PageOptions {
  readonly namespace?: string;
  readonly by?: string;
  readonly limit: string;
  readonly output: string;
}

/** Says which endpoints of observed pods are busiest, slowest, fail most, are saturated, as one agent or all of a cluster know it. */
export async function top(options: TopOptions, io: Io): Promise<number> {
  checkFormat(options.output);
  const chosen = chosenRankings(options.by);
  const most = limitOf(options.limit);
  const pages = await openAgentPages(options);
  try {
    const { said, problems } = await readPages(pages, '/insight', readObserve);
    const ranking = rank(observedIn([...said.values()], options.namespace), most);
    io.out.write(options.output === 'json' ? `${printableJson({ ...ranking, problems })}\n` : render(ranking, chosen));
    if (options.output !== 'json') for (const problem of problems) io.err.write(`shadowtap: ${printable(problem)}\n`);
    return problems.length > 0 ? EXIT_FAILED : EXIT_OK;
  } finally {
    await pages.close();
  }
}

function observedIn(parts: readonly ObserveData[], namespace: string | undefined): ObserveData {
  const all = mergeObserve(parts);
  if (namespace === undefined) return all;
  const isWanted = ({ endpoint }: { readonly endpoint: string }): boolean => endpoint.startsWith(`${namespace}/`);
  return { ...all, endpoints: all.endpoints.filter(isWanted), clients: all.clients.filter(isWanted) };
}

type RankingName = (typeof RANKINGS)[number];

function chosenRankings(by: string | undefined): readonly RankingName[] {
  if (by === undefined) return RANKINGS;
  const chosen = RANKINGS.filter((name) => name === by);
  if (chosen.length > 0) return chosen;
  throw new ShadowtapError('USAGE', `--by: ${JSON.stringify(by)} is not allowed; give one of ${RANKINGS.join(', ')}`);
}

function limitOf(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new ShadowtapError('USAGE', `--limit: ${JSON.stringify(text)} is not allowed; give a number from 1 to 9999`);
}

const TITLES: Readonly<Record<RankingName, string>> = {
  busiest: 'Busiest, by requests a second',
  slowest: 'Slowest, by what nine in ten take at most',
  errors: 'Most errors: 5xx, and requests without an answer',
  saturated: 'Saturated: slower the more they have to do',
  largest: 'Largest bodies',
  clients: 'Busiest clients',
};

function render(ranking: Ranking, chosen: readonly RankingName[]): string {
  if (ranking.busiest.length === 0) return 'Nothing was observed yet. Pods are observed where a MirrorPolicy that selects them has observe: true.\n';
  const parts = chosen.filter((name) => ranking[name].length > 0).map((name) => `${TITLES[name]}\n${name === 'clients' ? clientTable(ranking) : endpointTable(ranking[name])}`);
  return parts.length === 0 ? 'There is none.\n' : `${parts.join('\n\n')}\n`;
}

const HEADS = ['pod', 'port', 'endpoint', 'req/s', 'requests', 'errors', 'p50 ms', 'p90 ms', 'p99 ms', 'largest', 'under way', 'saturation'];

function endpointTable(rows: readonly TopRow[]): string {
  return renderTable(HEADS, rows.map(cellsOf));
}

function cellsOf({ endpoint, port, method, template, requests, rate, errors, p50Ms, p90Ms, p99Ms, largestRequest, largestResponse, concurrency, saturation }: TopRow): string[] {
  const errorShare = errors === 0 ? '0' : `${errors} (${((100 * errors) / requests).toFixed(1)} %)`;
  return [
    endpoint,
    port === 0 ? '' : String(port),
    method === template ? template : `${method} ${template}`,
    rate.toFixed(1),
    String(requests),
    errorShare,
    ...[p50Ms, p90Ms, p99Ms].map((time) => (time === null ? '' : time.toPrecision(3))),
    bytes(Math.max(largestRequest, largestResponse)),
    concurrency.toFixed(1),
    saturation === null ? '' : saturation.toFixed(2),
  ];
}

function clientTable({ clients }: Ranking): string {
  const rows = clients.map(({ endpoint, address, count, error }) => [endpoint, address, error === 0 ? String(count) : `${count - error} to ${count}`]);
  return renderTable(['pod', 'client', 'requests'], rows);
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}
