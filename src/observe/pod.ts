import { HeavyHitters } from '../sketch/heavy-hitters.ts';
import { CLIENTS_LISTED, OTHERS, type ClientLoad } from './data.ts';
import { Series, type SeriesKey } from './series.ts';

/** More than are listed, so that those are right. */
const CLIENTS_COUNTED = 100;
/** One pod that is asked for everything under the sun leaves room for the others. */
const MAX_SERIES = 200;

/** The traffic of one endpoint, by port, method and path template. */
export class Pod {
  readonly name: string;
  /** Requests under way. */
  underWay = 0;
  /** It is no longer in the snapshot. */
  gone = false;
  /** By template: they are few each. */
  readonly #series = new Map<string, Series[]>();
  #count = 0;
  #others: Series | null = null;
  readonly #clients = new HeavyHitters(CLIENTS_COUNTED);

  constructor(name: string) {
    this.name = name;
  }

  /** How many series it has, without that of others. */
  get count(): number {
    return this.#count;
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#others === null;
  }

  get isFull(): boolean {
    return this.#count >= MAX_SERIES;
  }

  /** A request of this client has come. */
  hears(client: string): void {
    this.#clients.add(client);
  }

  find({ port, method, template }: SeriesKey): Series | null {
    const list = this.#series.get(template);
    if (list === undefined) return null;
    for (let i = 0; i < list.length; i++) {
      const series = list[i]!;
      if (series.port === port && series.method === method) return series;
    }
    return null;
  }

  open(key: SeriesKey, nowUs: number): Series {
    const series = new Series(key, nowUs);
    const list = this.#series.get(key.template);
    if (list === undefined) this.#series.set(key.template, [series]);
    else list.push(series);
    this.#count++;
    return series;
  }

  /** What finds no place is summed up here. */
  others(nowUs: number): Series {
    this.#others ??= new Series({ port: 0, method: OTHERS, template: OTHERS }, nowUs);
    return this.#others;
  }

  drop(series: Series): void {
    series.isDropped = true;
    if (series === this.#others) {
      this.#others = null;
      return;
    }
    const rest = this.#series.get(series.template)!.filter((other) => other !== series);
    if (rest.length === 0) this.#series.delete(series.template);
    else this.#series.set(series.template, rest);
    this.#count--;
  }

  *all(): Iterable<Series> {
    for (const list of [...this.#series.values()]) yield* list;
    if (this.#others !== null) yield this.#others;
  }

  clients(): ClientLoad[] {
    return this.#clients.top(CLIENTS_LISTED).map(({ key, count, error }) => ({ endpoint: this.name, address: key, count, error }));
  }
}
