import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ranking } from '../../../src/cli/top/ranking.ts';
import { createControllerScene, type ControllerScene } from '../../controller/scene.ts';
import { Watching } from '../../observe/watching.ts';
import { Running, type Finished } from '../../support/process.ts';

const SHADOWTAP = fileURLToPath(new URL('../../../bin/shadowtap', import.meta.url));

let scene: ControllerScene;
beforeEach(async () => {
  scene = await createControllerScene();
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

async function top(): Promise<Finished> {
  await using command = new Running([SHADOWTAP, 'top', '--kubeconfig', scene.cluster.kubeconfig, '-o', 'json']);
  return await command.finished;
}

/** What an agent tells that has seen so many requests to a pod. */
function seen(pod: string, count: number): unknown {
  const watching = new Watching([pod]);
  for (let i = 0; i < count; i++) watching.exchange(`/orders/${i}`);
  return { observe: watching.data() };
}

describe('shadowtap top, in a cluster', () => {
  it('asks all agents through the API server, and shows what they have seen together', async () => {
    (await scene.startAgent('node-a')).insight = seen('shop/a', 3);
    (await scene.startAgent('node-b')).insight = seen('shop/b', 5);
    const { code, stdout, stderr } = await top();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = JSON.parse(stdout) as Ranking;
    expect(told.busiest.map(({ endpoint, template, requests }) => [endpoint, template, requests])).toEqual([
      ['shop/b', '/orders/{id}', 5],
      ['shop/a', '/orders/{id}', 3],
    ]);
  });

  it('shows what the others say where one does not answer, and says so', async () => {
    (await scene.startAgent('node-a')).insight = seen('shop/a', 3);
    await (await scene.startAgent('node-b'))[Symbol.asyncDispose]();
    const { code, stdout } = await top();
    const told = JSON.parse(stdout) as Ranking & { problems: string[] };
    expect(code).toBe(1);
    expect(told.busiest.map(({ endpoint }) => endpoint)).toEqual(['shop/a']);
    expect(told.problems).toEqual([expect.stringMatching(/^node-b: /)]);
  });
});
