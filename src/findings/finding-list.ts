import { flatCopy } from '../mirror/flat-copy.ts';
import type { Finding, FindingsData } from './data.ts';
import { foldFindings, MAX_FINDINGS } from './merge.ts';
import { RULES, type RuleId } from './rules.ts';

/** What is said of one occurrence. */
export interface Occurrence {
  readonly rule: RuleId;
  /** Name. */
  readonly endpoint: string;
  /** Address of the client; empty where it concerns many. */
  readonly source: string;
  readonly method: string;
  readonly template: string;
  /** Our own words, names that a rule lists, and numbers: nothing that a client sent. */
  readonly evidence: string;
  /** Unix time, milliseconds. */
  readonly atMs: number;
}

type Entry = { -readonly [K in keyof Finding]: Finding[K] } & {
  /** What `news` said of it. */
  toldCount: number;
};

const MAX_METHOD = 24;
const MAX_TEMPLATE = 256;
const MAX_EVIDENCE = 160;
/** A finding is news again when it has grown so many times. */
const NEWS_FACTOR = 10;

/**
 * Findings of one worker: repetitions are counted, the list is bounded. Where it is full the rule that has most of it gives
 * up its oldest, so that noise of one rule cannot push out what another one found.
 */
export class FindingList {
  readonly #limit: number;
  /** By rule, and in it by endpoint, source and template; the oldest first. */
  readonly #byRule = new Map<RuleId, Map<string, Entry>>();
  readonly #totals = new Map<RuleId, number>();
  readonly #news = new Set<Entry>();
  #size = 0;
  #unlisted = 0;

  constructor(limit = MAX_FINDINGS) {
    this.#limit = limit;
  }

  add({ rule, endpoint, source, method, template, evidence, atMs }: Occurrence): void {
    this.#totals.set(rule, (this.#totals.get(rule) ?? 0) + 1);
    let entries = this.#byRule.get(rule);
    if (entries === undefined) this.#byRule.set(rule, (entries = new Map()));
    const key = `${endpoint}\n${source}\n${template}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      if (this.#size >= this.#limit) this.#giveUpOne();
      this.#size += 1;
      const shown = { method: printable(method, MAX_METHOD), template: printable(template, MAX_TEMPLATE), evidence: printable(evidence, MAX_EVIDENCE) };
      entry = { rule, severity: RULES[rule].severity, endpoint, source, ...shown, firstMs: atMs, lastMs: atMs, count: 1, toldCount: 0 };
    } else {
      entries.delete(key);
      if (entry.method !== method) entry.method = printable(method, MAX_METHOD);
      entry.evidence = printable(evidence, MAX_EVIDENCE);
      entry.lastMs = Math.max(entry.lastMs, atMs);
      entry.count += 1;
    }
    entries.set(key, entry);
    if (entry.count >= entry.toldCount * NEWS_FACTOR) this.#news.add(entry);
  }

  /** What is new since the last call, or has grown tenfold since it was told. */
  news(): Finding[] {
    if (this.#news.size === 0) return [];
    const news = Array.from(this.#news, (entry) => {
      entry.toldCount = entry.count;
      return findingOf(entry);
    });
    this.#news.clear();
    return news;
  }

  /** @param fold what has become of a path template meanwhile */
  data(fold: (template: string) => string): FindingsData {
    const entries = [...this.#byRule.values()].flatMap((rule) => [...rule.values()]);
    const findings = foldFindings(entries.map((entry) => ({ ...findingOf(entry), template: fold(entry.template) })));
    return { findings, totals: Object.fromEntries(this.#totals), unlisted: this.#unlisted };
  }

  #giveUpOne(): void {
    let most: Map<string, Entry> | null = null;
    for (const entries of this.#byRule.values()) if (most === null || entries.size > most.size) most = entries;
    const oldest = most?.entries().next().value;
    if (most === null || oldest === undefined) return;
    const [key, entry] = oldest;
    most.delete(key);
    this.#news.delete(entry);
    this.#size -= 1;
    this.#unlisted += entry.count;
  }
}

function findingOf({ toldCount: _, ...finding }: Entry): Finding {
  return finding;
}

/** Hostile bytes for lists that people read; the head that they are a part of is not kept alive. */
function printable(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most - 3)}...` : text;
  return flatCopy(cut.replace(/[^\x20-\x7e]/g, '?'));
}
