import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Running } from '../support/process.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Target {
  /** host:port */
  readonly address: string;
  /** What the operator would add. */
  readonly labels: Labels;
}

export interface Result {
  readonly metric: Labels;
  readonly value: readonly [time: number, value: string];
}

export interface RuleState {
  readonly name: string;
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly health: string;
  readonly lastError?: string;
}

const STARTED_MS = 20_000;

/** A real Prometheus on a free port of loopback, which scrapes and evaluates every second. */
export class Prometheus implements AsyncDisposable {
  readonly #process: Running;
  readonly #folder: string;
  #log = '';
  #ended = false;

  private constructor(process: Running, folder: string) {
    this.#process = process;
    this.#folder = folder;
    process.child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    void process.finished.then(({ stderr }) => {
      this.#ended = true;
      this.#log = stderr;
    });
  }

  /** @param rules text of a file of rules @throws with its log when it does not get ready */
  static async start(targets: readonly Target[], honorLabels: boolean, rules: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'shadowtap-prometheus-'));
    writeFileSync(join(folder, 'rules.json'), rules);
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.json'],
      scrape_configs: [
        {
          job_name: 'shadowtap',
          honor_labels: honorLabels,
          static_configs: targets.map(({ address, labels }) => ({ targets: [address], labels })),
        },
      ],
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.json'), JSON.stringify(config));
    const flags = [`--config.file=${join(folder, 'prometheus.json')}`, `--storage.tsdb.path=${join(folder, 'data')}`, '--web.listen-address=127.0.0.1:0'];
    const prometheus = new Prometheus(new Running(['prometheus', ...flags]), folder);
    try {
      await prometheus.#ready();
      return prometheus;
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** @throws with what is wrong with the query */
  async query(expr: string): Promise<readonly Result[]> {
    return ((await this.#ask('query', { query: expr })) as { readonly result: readonly Result[] }).result;
  }

  /** Labels of all series of a metric. */
  async series(name: string): Promise<readonly Labels[]> {
    return (await this.#ask('series', { 'match[]': name })) as readonly Labels[];
  }

  async labelValues(label: string, selector: string): Promise<readonly string[]> {
    return (await this.#ask(`label/${label}/values`, { 'match[]': selector })) as readonly string[];
  }

  async rules(): Promise<readonly RuleState[]> {
    const { groups } = (await this.#ask('rules', {})) as { readonly groups: readonly { readonly rules: readonly RuleState[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop(5_000);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + STARTED_MS;
    while (!this.#ended && Date.now() < deadline) {
      const ready = await fetch(`${this.#url()}/-/ready`).catch(() => null);
      if (ready?.status === 200) return;
      await sleep(50);
    }
    throw new Error(`prometheus ${this.#ended ? 'ended' : 'did not get ready'}:\n${this.#log}`);
  }

  #url(): string {
    const address = /msg="Listening on" address=(\S+)/.exec(this.#log)?.[1];
    return `http://${address ?? 'invalid'}`;
  }

  async #ask(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${this.#url()}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { readonly status: string; readonly data: unknown; readonly error?: string };
    if (answer.status !== 'success') throw new Error(`${parameters['query'] ?? path}: ${answer.error}`);
    return answer.data;
  }
}
