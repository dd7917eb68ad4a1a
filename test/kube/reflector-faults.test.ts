import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Resource, Selection, Timing } from '../../src/kube/reflector.ts';
import { textOf } from '../../src/kube/json.ts';
import { PODS } from '../../src/kube/resources.ts';
import type { Faults } from '../support/cluster/faults.ts';
import type { ServedCluster } from '../support/cluster/served-cluster.ts';
import { startTestCluster } from '../support/cluster/start.ts';
import { Following, setting, SETTINGS } from './support/following.ts';
import { Line } from './support/line.ts';

let cluster: ServedCluster;
let faults: Faults;
let namespace: string;
let count = 0;

const WAIT = { interval: 5, timeout: 10_000 };
const LISTS = { resource: 'configmaps', verb: 'list' };
const WATCHES = { resource: 'configmaps', verb: 'watch' };

beforeAll(async () => {
  cluster = await startTestCluster();
  if (cluster.faults === null) throw new Error('the test server has faults');
  faults = cluster.faults;
}, 60_000);

afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(async () => {
  namespace = `faults-${++count}`;
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await cluster.apply(setting(namespace, 'a', '1'));
  faults.forgetRequests();
});

afterEach(async () => {
  faults.clear();
  await faults.available();
});

function here(): Selection {
  return { fieldSelector: `metadata.namespace=${namespace}` };
}

interface Options {
  readonly timing?: Timing;
  readonly resource?: Resource<string>;
  readonly onChange?: () => void;
  readonly kubeconfig?: string;
}

function follow({ timing = {}, resource = SETTINGS, onChange = () => {}, kubeconfig = cluster.kubeconfig }: Options = {}): Following<string> {
  return new Following({ kubeconfig, resource, selection: here(), timing, onChange });
}

/** A reflector that has listed and watches. */
async function followed(options: Options = {}): Promise<Following<string>> {
  const following = follow(options);
  await expect.poll(() => [following.known['a'], faults.watches(WATCHES).length], WAIT).toEqual(['1', 1]);
  return following;
}

/** The parameter of each request, in order; empty where it is not there. */
function asked(match: object, parameter: string): string[] {
  return faults.requests(match).map(({ target }) => new URL(target, 'http://x').searchParams.get(parameter) ?? '');
}

function gaps(match: object): number[] {
  const times = faults.requests(match).map(({ at }) => at);
  return times.slice(1).map((at, i) => at - (times[i] ?? 0));
}

async function change(name: string, value: string): Promise<void> {
  await cluster.apply(setting(namespace, name, value));
}

describe('a reflector whose stream is broken', () => {
  it('reads events that come byte by byte, characters of several bytes too', async () => {
    await using following = await followed();
    faults.stream(WATCHES, { pieceBytes: 1 });
    await change('b', 'größer 😀');
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: 'größer 😀' });
    expect(following.reflector.status()).toMatchObject({ watches: 1, lists: 1 });
  });

  it('goes on from the last whole event, wherever the stream is cut', async () => {
    await using following = await followed();
    const line = JSON.stringify({ type: 'ADDED', object: { metadata: { namespace, name: 'b', resourceVersion: '1' }, data: { value: '😀' } } });
    const inCharacter = Buffer.from(line).indexOf(0xf0) + 2;
    for (const cut of [1, inCharacter, line.length - 1]) {
      faults.write(Buffer.from(line).subarray(0, cut), WATCHES);
      faults.dropWatches(WATCHES, cut % 2 === 0 ? 'end' : 'reset');
      await change('b', `after ${cut}`);
      await expect.poll(() => following.known['b'], WAIT).toBe(`after ${cut}`);
    }
    expect(following.reflector.status().lists).toBe(1);
  });

  it('gets every event once over connections that are cut again and again', async () => {
    await using following = await followed();
    const line = JSON.stringify(await cluster.get(setting(namespace, 'a', '')));
    // With time to read what came before: a reset takes along what waits in the receiver's buffer.
    faults.stream(WATCHES, { cutAfterBytes: Math.round(line.length * 1.7), pieceBytes: 200, pauseMs: 2 });
    for (let i = 0; i < 10; i++) await change(`c${i}`, `${i} größer`);
    await expect.poll(() => Object.keys(following.known).length, WAIT).toBe(11);
    expect(faults.requests(LISTS)).toHaveLength(1);
  });

  it('does not trust what follows a line that is no JSON, or no event', async () => {
    await using following = await followed();
    for (const [line, said] of [['{"type":', 'no JSON'], ['{"type":"GUESS","object":{}}', 'no event'], ['[]', 'no event'], ['{"type":"ADDED","object":{}}', 'without resourceVersion']]) {
      const ghost = JSON.stringify({ type: 'ADDED', object: { metadata: { namespace, name: 'ghost', resourceVersion: '1' } } });
      faults.answer(WATCHES, { status: 500 }, 1);
      faults.write(`${line}\n${ghost}\n`, WATCHES);
      await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'following', problem: '' });
      expect(following.known, said).toEqual({ a: '1' });
    }
    expect(faults.requests(LISTS)).toHaveLength(1);
  });

  it('is not confused by events that come twice or late', async () => {
    await using following = await followed();
    faults.stream(WATCHES, { duplicate: true, delayMs: 20 });
    await change('b', '2');
    await change('a', '1.1');
    await cluster.delete(setting(namespace, 'b', ''));
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1.1' });
    // What came twice changed something once.
    await expect.poll(() => following.reflector.status().events, WAIT).toBe(3);
  });

  it('begins anew where nothing is heard of a watch', async () => {
    await using following = await followed({ timing: { silenceMs: 300 } });
    faults.stream(WATCHES, { silent: true });
    await change('b', '2');
    await expect.poll(() => faults.requests(WATCHES).length, WAIT).toBeGreaterThan(1);
    faults.clear();
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: '2' });
    expect(faults.requests(LISTS)).toHaveLength(1);
  });

  it('takes bookmarks for a sign of life', async () => {
    await using following = await followed({ timing: { silenceMs: 400 } });
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      faults.bookmark(WATCHES);
    }
    expect(following.reflector.status().watches).toBe(1);
  });
});

describe('a reflector whose selection changes while events come', () => {
  it('takes no more of the old ones', async () => {
    let moved = false;
    let watched: Following<string> | null = null;
    const move = (): void => {
      if (watched?.known['b'] === undefined || moved) return;
      moved = true;
      watched.reflector.select({ ...here(), labelSelector: 'tier=x' });
    };
    await using following = await followed({ onChange: move });
    watched = following;
    faults.hang(LISTS, 1);
    const line = (name: string): string => JSON.stringify({ type: 'ADDED', object: { metadata: { namespace, name, resourceVersion: '1' }, data: { value: 'x' } } });
    faults.write(`${line('b')}\n${line('c')}\n`, WATCHES);
    await expect.poll(() => faults.requests(LISTS).length, WAIT).toBe(2);
    expect(following.known).toEqual({ a: '1', b: 'x' });
    expect([following.reflector.settled, faults.watches(WATCHES).length]).toEqual([false, 0]);
    await cluster.apply(setting(namespace, 'd', '4', { tier: 'x' }));
    faults.clear();
    await expect.poll(() => following.known, WAIT).toEqual({ d: '4' });
  });
});

describe('a reflector whose version is too old', () => {
  it.each(['event', 'status'] as const)('lists again, as of what it knows, when a watch is told so by its %s', async (how) => {
    await using following = await followed();
    await cluster.delete(setting(namespace, 'a', ''));
    await expect.poll(() => following.known, WAIT).toEqual({});
    await change('b', '2');
    await expect.poll(() => following.known, WAIT).toEqual({ b: '2' });
    const last = (await cluster.get(setting(namespace, 'b', '')))?.metadata.resourceVersion;
    faults.answer(WATCHES, { status: 503 }, 1);
    faults.dropWatches(WATCHES);
    await change('c', '3');
    faults.compact(how);
    await expect.poll(() => following.known, WAIT).toEqual({ b: '2', c: '3' });
    // From the server's memory, and never of a state before the one that is known.
    expect(asked(LISTS, 'resourceVersion')).toEqual(['0', last]);
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'following', problem: '', lists: 2 });
    faults.compact('event');
  });

  it('lists again when an open watch is told so, and keeps what it knows meanwhile', async () => {
    const sizes = new Set<number>();
    let watched: Following<string> | null = null;
    await using following = await followed({ onChange: () => sizes.add(watched?.reflector.objects.size ?? 1) });
    watched = following;
    faults.hang(LISTS, 1);
    expect(faults.expireWatches(WATCHES)).toBe(1);
    await expect.poll(() => faults.requests(LISTS).length, WAIT).toBe(2);
    expect(following.known).toEqual({ a: '1' });
    expect(following.reflector.settled).toBe(true);
    faults.clear();
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'following', lists: 2 });
    expect([...sizes]).toEqual([1]);
  });

  it('goes on from the version of a bookmark without a list', async () => {
    await using following = await followed();
    // Elsewhere: no event of ours tells of it.
    await cluster.apply(setting('default', 'elsewhere', String(count)));
    faults.bookmark(WATCHES);
    const [, line] = [following.known, await cluster.get(setting('default', 'elsewhere', ''))];
    faults.compact();
    faults.dropWatches(WATCHES);
    await expect.poll(() => faults.requests(WATCHES).length, WAIT).toBe(2);
    expect(asked(WATCHES, 'resourceVersion')[1]).toBe(line?.metadata.resourceVersion);
    await change('b', '2');
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: '2' });
    expect(faults.requests(LISTS)).toHaveLength(1);
  });

  it('asks for the newest state, in pages, where the server cannot list as of what is known', async () => {
    await using following = await followed();
    for (const answer of [{ status: 410 }, { status: 504, body: JSON.stringify({ code: 504, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }) }]) {
      await expect.poll(() => faults.watches(WATCHES).length, WAIT).toBe(1);
      faults.forgetRequests();
      faults.answer(LISTS, answer, 1);
      faults.expireWatches(WATCHES);
      await expect.poll(() => faults.requests(LISTS).length, WAIT).toBe(2);
      expect(asked(LISTS, 'limit')).toEqual(['', '500']);
      await expect.poll(() => following.reflector.status().state, WAIT).toBe('following');
    }
    expect(following.known).toEqual({ a: '1' });
  });

  it('begins the list anew where it grows too old between two pages', async () => {
    await using following = await followed();
    for (let i = 0; i < 501; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => change(`p${i + k}`, 'x')));
    const total = (await cluster.list({ apiVersion: 'v1', kind: 'ConfigMap' }, { namespace })).length;
    await expect.poll(() => [following.reflector.objects.size, faults.watches(WATCHES).length], WAIT).toEqual([total, 1]);
    faults.forgetRequests();
    faults.answer(LISTS, { status: 410 }, 1);
    // Each page is slow, so that there is time to compact between the first and the second.
    faults.stream(LISTS, { pieceBytes: 16_384, pauseMs: 10 });
    faults.expireWatches(WATCHES);
    await expect.poll(() => faults.requests(LISTS).length, WAIT).toBe(2);
    faults.compact();
    await expect.poll(() => faults.requests(LISTS).map(({ status }) => status), WAIT).toEqual([410, 200, 410, 200, 200]);
    expect(asked(LISTS, 'continue').map((token) => token !== '')).toEqual([false, false, true, false, true]);
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('following');
    expect(following.reflector.objects.size).toBe(total);
  });
});

describe('a reflector whose server is away', () => {
  it('keeps what it knows, and goes on with one watch and no list when the server is back', async () => {
    await using following = await followed({ timing: { backOffMs: [50, 100] } });
    const changes = following.changes;
    await faults.unavailable();
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('failing');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(following.known).toEqual({ a: '1' });
    expect(following.reflector.synced && following.reflector.settled).toBe(true);
    expect(following.reflector.status().problem).toContain('does not answer');
    faults.forgetRequests();
    await faults.available();
    await change('b', '2');
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: '2' });
    expect(faults.requests({ resource: 'configmaps', verb: 'list' })).toHaveLength(0);
    expect(faults.requests(WATCHES)).toHaveLength(1);
    // The failure, the recovery and the new object; not every attempt.
    expect(following.changes - changes).toBeLessThanOrEqual(5);
  });

  it('waits for one that is away at first', async () => {
    await faults.unavailable();
    await using following = follow();
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('failing');
    expect(following.reflector.synced || following.reflector.settled).toBe(false);
    await faults.available();
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1' });
    expect(following.reflector.synced && following.reflector.settled).toBe(true);
  });

  it('tries less and less often, and not as regularly as a clock', async () => {
    faults.answer(WATCHES, { status: 503 });
    await using following = follow({ timing: { backOffMs: [20, 160] } });
    await expect.poll(() => faults.requests(WATCHES).length, WAIT).toBeGreaterThan(20);
    const waits = gaps(WATCHES).slice(4);
    // Mean of what is at random below 160 ms; an answer takes some time besides.
    expect(mean(waits)).toBeGreaterThan(50);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(40);
    expect(following.reflector.status().lists).toBe(1);
  });

  it('does not hurry because a watch fails at its first event each time', async () => {
    await using following = await followed({ timing: { backOffMs: [20, 160] } });
    faults.forgetRequests();
    for (let i = 0; i < 8; i++) {
      faults.write('nonsense\n', WATCHES);
      await expect.poll(() => faults.requests(WATCHES).length, WAIT).toBe(i + 1);
      await expect.poll(() => faults.watches(WATCHES).length, WAIT).toBe(1);
    }
    expect(mean(gaps(WATCHES).slice(3))).toBeGreaterThan(30);
    expect(following.known).toEqual({ a: '1' });
  });

  it('does not spin where watches end as soon as they begin', async () => {
    await using following = await followed({ timing: { backOffMs: [50, 200] } });
    faults.forgetRequests();
    const until = Date.now() + 600;
    while (Date.now() < until) {
      faults.dropWatches(WATCHES);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(faults.requests(WATCHES).length).toBeLessThan(40);
    expect(following.reflector.status().lists).toBe(1);
  });

  it('leaves a server alone for as long as it asks', async () => {
    faults.answer(LISTS, { status: 429, retryAfter: 1 }, 1);
    await using following = follow();
    await expect.poll(() => following.reflector.status().problem, WAIT).toContain('made to fail with 429');
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1' });
    expect(gaps(LISTS)[0]).toBeGreaterThanOrEqual(1_000);
  });

  it('leaves a connection that is dead, though nobody has closed it', async () => {
    await using line = await Line.to(Number(new URL(cluster.url).port));
    await using folder = await mkdtempDisposable(join(tmpdir(), 'shadowtap-'));
    const kubeconfig = join(folder.path, 'kubeconfig');
    await writeFile(kubeconfig, (await readFile(cluster.kubeconfig, 'utf8')).replace(cluster.url, `https://127.0.0.1:${line.port}`));
    await using following = await followed({ kubeconfig, timing: { silenceMs: 300 } });
    line.freeze();
    await change('b', '2');
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: '2' });
    expect(faults.requests(LISTS)).toHaveLength(1);
    expect(line.connections).toBe(2);
  });

  it('stops at once, in whatever state the connection is', async () => {
    faults.hang(LISTS);
    const following = follow();
    await expect.poll(() => faults.requests(LISTS).length, WAIT).toBe(1);
    const begun = performance.now();
    await following[Symbol.asyncDispose]();
    expect(performance.now() - begun).toBeLessThan(500);
  });

  it('reads an answer that comes slowly', async () => {
    faults.stream({ resource: 'configmaps' }, { pieceBytes: 100, pauseMs: 2 });
    await using following = follow();
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1' });
  });
});

describe('a reflector whose callbacks throw', () => {
  it('tells of an object that cannot be picked, keeps the others, and tries again', async () => {
    let broken = true;
    const pick = (object: unknown, previous: string | undefined): string | null => {
      const value = SETTINGS.pick(object, previous);
      if (broken && textOf(value).startsWith('bad')) throw new RangeError('this object is too much');
      return value;
    };
    await using following = await followed({ resource: { ...SETTINGS, pick }, timing: { backOffMs: [20, 160] } });
    await change('b', 'bad');
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'failing', problem: 'this object is too much' });
    expect(following.known).toEqual({ a: '1' });
    // Less and less often, though each of the watches begins well.
    await expect.poll(() => faults.requests(WATCHES).length, WAIT).toBeGreaterThan(10);
    expect(mean(gaps(WATCHES).slice(4))).toBeGreaterThan(40);
    broken = false;
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', b: 'bad' });
    expect(following.reflector.status()).toMatchObject({ state: 'following', problem: '', lists: 1 });
  });

  it('tells of a listener that fails, and tells the listener again', async () => {
    let broken = false;
    let calls = 0;
    await using following = await followed({
      onChange: () => {
        calls += 1;
        if (broken) throw new TypeError('the listener is broken');
      },
    });
    broken = true;
    await change('b', '2');
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'failing', problem: 'the listener is broken' });
    // Whatever it is that fails, watches do not pile up.
    await expect.poll(() => calls, WAIT).toBeGreaterThan(6);
    expect(faults.watches(WATCHES).length).toBeLessThanOrEqual(1);
    const before = calls;
    broken = false;
    await expect.poll(() => following.reflector.status(), WAIT).toMatchObject({ state: 'following', problem: '' });
    expect(calls).toBeGreaterThan(before);
    expect(following.known).toEqual({ a: '1', b: '2' });
  });
});

describe('a reflector of a type that comes and goes', () => {
  it('does not give up what it knows for one answer that there is no such type', async () => {
    await using following = await followed();
    faults.answer(WATCHES, { status: 404 }, 2);
    faults.dropWatches(WATCHES);
    await expect.poll(() => [faults.requests(WATCHES).length, following.reflector.status().state], WAIT).toEqual([4, 'following']);
    faults.answer(WATCHES, { status: 404 }, 2);
    faults.dropWatches(WATCHES);
    await expect.poll(() => [faults.requests(WATCHES).length, following.reflector.status().state], WAIT).toEqual([7, 'following']);
    expect([following.known, following.reflector.status().lists]).toEqual([{ a: '1' }, 1]);
  });

  it('seldom looks for one that need not be there', async () => {
    const resource = { ...PODS, name: 'grants', path: '/apis/gateway.networking.k8s.io/v1beta1/referencegrants', optional: true };
    await using following = new Following({ kubeconfig: cluster.kubeconfig, resource, selection: {}, timing: { missingMs: 400 } });
    await expect.poll(() => following.reflector.status().state, WAIT).toBe('missing');
    await expect.poll(() => faults.requests({ resource: 'referencegrants' }).length, WAIT).toBe(5);
    // Soon at first: a server that has just started may not know it yet.
    expect(gaps({ resource: 'referencegrants' })[0]).toBeLessThan(190);
    expect(Math.min(...gaps({ resource: 'referencegrants' }).slice(2))).toBeGreaterThanOrEqual(190);
    expect(following.reflector.status()).toMatchObject({ state: 'missing', objects: 0 });
    expect(following.reflector.synced && following.reflector.settled).toBe(true);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('objects of which there may be very many', () => {
  const few = { ...SETTINGS, most: 2 };
  const state = ({ reflector }: Following<string>): unknown => [reflector.status().state, reflector.objects.size];

  it('are listed in pages', async () => {
    await using following = await followed({ resource: few });
    expect(following.known).toEqual({ a: '1' });
    expect(faults.requests(LISTS).map(({ target }) => new URL(target, 'http://x').searchParams.get('limit'))).toEqual(['500']);
  });

  it('are none where there are too many, which is told, until there are fewer', async () => {
    await cluster.apply(setting(namespace, 'b', '2'), setting(namespace, 'c', '3'));
    await using following = follow({ resource: few, timing: { missingMs: 200 } });
    await expect.poll(() => state(following), WAIT).toEqual(['failing', 0]);
    expect(following.reflector.status().problem).toBe('there are more than 2 configmaps, more than an agent can follow');
    expect(following.reflector.settled).toBe(true);
    await cluster.delete(setting(namespace, 'b', '2'));
    await expect.poll(() => following.known, WAIT).toEqual({ a: '1', c: '3' });
    await cluster.apply(setting(namespace, 'd', '4'));
    await expect.poll(() => state(following), WAIT).toEqual(['failing', 0]);
  });

  it('are not asked for again and again', async () => {
    await cluster.apply(setting(namespace, 'b', '2'), setting(namespace, 'c', '3'));
    await using following = follow({ resource: few, timing: { missingMs: 60_000 } });
    await expect.poll(() => state(following), WAIT).toEqual(['failing', 0]);
    faults.forgetRequests();
    await sleep(500);
    expect(faults.requests()).toEqual([]);
  });
});
