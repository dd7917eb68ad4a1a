import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { requireKernel } from '../support/kernel.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START = ['node', 'scripts/start.mjs', '--for', 'demo', 'scripts/demo/main.ts'];
const SLOW = ['--seconds', '60', '--rate', '20'];

describe.skipIf(!requireKernel())('the demo', () => {
  it('copies every request, runs twice at a time, and leaves nothing behind', async () => {
    await using first = new Demo([...START, '--seconds', '6', '--rate', '100']);
    await using second = new Demo([...START, '--seconds', '6', '--rate', '100']);
    for (const demo of [first, second]) {
      const { code, stdout, stderr } = await demo.ended();
      expect(code, stdout + stderr).toBe(0);
      const [, received, copies] = /v1 received (\d+) requests with the tap on; v2 received (\d+) copies/.exec(stdout) ?? [];
      expect(Number(received)).toBeGreaterThan(100);
      expect(copies).toBe(received);
      expect(stdout).toContain('headers and bodies on both: yes, every one.');
      const [, ...outcomes] = /Ledger: \d+ seen = mirrored 2xx: (\d+)(?:, mirrored 5xx: (\d+))?; 0 open\./.exec(stdout) ?? [];
      expect(outcomes.reduce((sum, count = '0') => sum + Number(count), 0)).toBe(Number(received));
      expect(stdout).not.toContain(' 0 GET');
      await demo.isGone();
    }
  });

  it('has a report that names the three defects of v2 and nothing else, within half a minute', async () => {
    const startedMs = performance.now();
    await using demo = new Demo([...START]);
    const { code, stdout, stderr } = await demo.ended();
    const seconds = (performance.now() - startedMs) / 1000;
    const [, named] = /What differs:\n((?: {2}.*\n)+)/.exec(stdout) ?? [];
    expect(named, stdout + stderr).toBe('  GET /api/items/{id}: body /price/amount\n  GET /api/search: slower\n  POST /api/orders: status\n');
    expect(code).toBe(0);
    expect(seconds).toBeLessThan(30);
  });

  describe.concurrent('takes everything down', () => {
    it('at Ctrl-C, given twice, with a word and no stack', async () => {
      await using demo = await Demo.running([...START, ...SLOW]);
      demo.signalGroup('SIGINT');
      await sleep(20);
      demo.signalGroup('SIGINT');
      const { code, stderr } = await demo.ended();
      expect({ code, stderr }).toEqual({ code: 130, stderr: 'interrupted; everything was taken down\n' });
      await demo.isGone();
    });

    it('when its terminal is closed', async () => {
      await using demo = await Demo.running([...START, ...SLOW]);
      demo.signalGroup('SIGHUP');
      expect((await demo.ended()).code).toBe(129);
      await demo.isGone();
    });

    it.each(['SIGTERM', 'SIGKILL'] as const)('when npm alone gets %s', async (signal) => {
      await using demo = await Demo.running(['npm', 'run', 'demo', '--', ...SLOW, '--keep']);
      demo.child.kill(signal);
      await demo.isGone();
    });

    it('when nobody reads its output any more', async () => {
      await using demo = await Demo.running([...START, ...SLOW]);
      demo.child.stdout?.destroy();
      const { code, stderr } = await demo.ended();
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      await demo.isGone();
    });

    it('when the agent dies, and shows its log', async () => {
      await using demo = await Demo.running([...START, ...SLOW]);
      demo.kill('demo/agent.ts');
      const { code, stderr } = await demo.ended();
      expect(code).toBe(1);
      expect(stderr).toContain('demo: the agent ended with SIGKILL; its log:\n{');
      await demo.isGone();
    });

    it('when it is killed: its processes at once, the rest at the next start', async () => {
      await using demo = await Demo.running([...START, ...SLOW]);
      demo.kill('demo/main.ts');
      await demo.ended();
      await eventually(() => expect(demo.processes()).toEqual([]));
      await using next = await Demo.running([...START, ...SLOW], demo.folder);
      expect(demo.leftovers()).toEqual([]);
      next.signalGroup('SIGTERM');
      expect((await next.ended()).code).toBe(143);
      await next.isGone();
    });
  });
});

/** The demo in a process group of its own, as a shell starts it. */
class Demo implements AsyncDisposable {
  static #count = 0;
  readonly child: ChildProcess;
  /** Its temporary folder. */
  readonly folder: string;
  readonly #mark = `SHADOWTAP_DEMO_TEST=${process.pid}-${++Demo.#count}`;
  readonly #closed: Promise<unknown[]>;
  #stdout = '';
  #stderr = '';

  constructor([command, ...args]: string[], folder = mkdtempSync(join(tmpdir(), 'shadowtap-demo-test-'))) {
    this.folder = folder;
    const [name, value] = this.#mark.split('=') as [string, string];
    const env = { ...process.env, TMPDIR: folder, [name]: value };
    this.child = spawn(command!, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#closed = once(this.child, 'close');
  }

  /** Resolves when production is running. */
  static async running(command: string[], folder?: string): Promise<Demo> {
    const demo = new Demo(command, folder);
    await eventually(() => expect(demo.#stdout, demo.#stderr).toContain('pods: '), 20_000);
    return demo;
  }

  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal);
  }

  /** `kill -9` of one of its processes. */
  kill(program: string): void {
    const found = this.processes().find(({ command }) => command.split('\0')[1]?.endsWith(program));
    process.kill(found!.pid, 'SIGKILL');
  }

  async ended(): Promise<{ code: number | null; stdout: string; stderr: string }> {
    await this.#closed;
    return { code: this.child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  async isGone(): Promise<void> {
    await eventually(() => expect([...this.processes(), ...this.leftovers()]).toEqual([]));
  }

  /** Processes that have inherited our mark. */
  processes(): { pid: number; command: string }[] {
    return readdirSync('/proc').flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(this.#mark)) return [];
        return [{ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }];
      } catch {
        return []; // Not a process, or just ended.
      }
    });
  }

  /** Namespaces, interfaces and temporary folders that bear its number. */
  leftovers(): string[] {
    const pid = /pods: st-(\d+)-/.exec(this.#stdout)?.[1];
    if (pid === undefined) throw new Error(`the demo did not say its pods:\n${this.#stdout}${this.#stderr}`);
    const places = { '/run/netns': `st-${pid}-`, '/sys/class/net': `st${pid}h`, [this.folder]: `shadowtap-demo-${pid}-` };
    return Object.entries(places).flatMap(([place, start]) => readdirSync(place).filter((name) => name.startsWith(start)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGTERM');
    await this.#closed;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function eventually(holds: () => void, withinMs = 10_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; ; await sleep(50)) {
    try {
      return holds();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
