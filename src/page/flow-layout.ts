import type { Exit, LedgerFlow, Station } from './ledger-flow.ts';

/** Where everything stands in the picture of the ledger, in units of its view box. */
export interface FlowPicture {
  readonly width: number;
  readonly height: number;
  readonly stations: readonly StationBox[];
  readonly bands: readonly Band[];
  readonly exits: readonly ExitBox[];
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface StationBox extends Box {
  readonly station: Station;
}

export interface ExitBox extends Box {
  readonly exit: Exit;
  /** Of copies: what comparing them gave. */
  readonly isResult: boolean;
  /** Where its text stands. */
  readonly textY: number;
}

export interface Band {
  readonly path: string;
  readonly kind: string;
}

export const BAR = 10;
const COLUMN = 204;
const TOP = 52;
/** Height of all that was seen. */
const WHOLE = 130;
const EXITS_BELOW = 34;
/** Room for a line of text. */
const LINE = 24;
/** What is there can be seen. */
const LEAST = 2;

/** Lays out the flow: stations side by side, what leaves falls away below, results of comparing stand at the right. */
export function layOut(flow: LedgerFlow): FlowPicture {
  const all = [...flow.requests, flow.copies];
  const scale = WHOLE / Math.max(1, ...all.map(({ count }) => count));
  const heightOf = (count: number): number => (count === 0 ? 0 : Math.max(LEAST, count * scale));
  const stations = all.map((station, i) => ({ station, x: i * COLUMN, y: TOP, height: heightOf(station.count) }));
  const bands: Band[] = [];
  const exits: ExitBox[] = [];
  for (const [i, box] of stations.entries()) {
    const next = stations[i + 1];
    const isLast = next === undefined;
    let from = TOP;
    if (next !== undefined && next.height > 0 && box.height > 0) {
      // A request may have several copies: the band widens then.
      const start = i === stations.length - 2 ? box.height : next.height;
      bands.push({ path: band(box.x + BAR, from, start, next.x, TOP, next.height), kind: 'main' });
      from += start;
    }
    let to = isLast ? TOP : TOP + WHOLE + EXITS_BELOW;
    for (const exit of box.station.exits) {
      const height = heightOf(exit.count);
      const x = box.x + (isLast ? 78 : 62);
      bands.push({ path: band(box.x + BAR, from, height, x, to, height), kind: isLast ? kindOf(exit.name) : 'exit' });
      exits.push({ exit, x, y: to, height, isResult: isLast, textY: to + Math.max(height, LINE - 8) / 2 });
      from += height;
      to += Math.max(height + 8, LINE);
    }
  }
  const bottom = Math.max(TOP + WHOLE, ...exits.map(({ y, height }) => y + Math.max(height, LINE)));
  return { width: COLUMN * (stations.length - 1) + 300, height: Math.ceil(bottom + 6), stations, bands, exits };
}

/** What it says of the new version. */
export function kindOf(exit: string): string {
  if (exit === 'equal' || exit === 'noise only') return 'good';
  return exit === 'different' ? 'bad' : 'exit';
}

function band(x1: number, y1: number, height1: number, x2: number, y2: number, height2: number): string {
  const middle = (x1 + x2) / 2;
  const [top1, top2, low1, low2] = [y1, y2, y1 + height1, y2 + height2].map((value) => value.toFixed(1));
  return `M${x1} ${top1}C${middle} ${top1} ${middle} ${top2} ${x2} ${top2}L${x2} ${low2}C${middle} ${low2} ${middle} ${low1} ${x1} ${low1}Z`;
}
