import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent, type AgentUnderTest } from '../support/agent.ts';
import { requireKernel } from '../support/kernel.ts';
import { createNetwork, type Pod } from '../support/network.ts';
import { startVersion } from '../support/servers/versions.ts';
import { launch, showTab, visit } from './browser.ts';

const PORT = 8080;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

interface AgentScene extends AsyncDisposable {
  readonly app: Pod;
  readonly agent: AgentUnderTest;
  readonly address: string;
}

/** Production and its mirror in pods, and an agent that compares them, its policy redacting what the test looks for. */
async function compared(page: object): Promise<AgentScene> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await createNetwork());
  const app = await network.createPod({ name: 'v1' });
  const shadow = await network.createPod({ name: 'v2' });
  stack.use(await startVersion(app, 'v1', PORT, 'http/1.1'));
  stack.use(await startVersion(shadow, 'v2', PORT, 'http/1.1'));
  const agent = stack.use(
    await startAgent({
      spec: { workers: 2, page, endpoints: [{ name: 'shop/v1', ports: [PORT], netns: app.netns }] },
      policies: {
        next: {
          selector: {},
          observe: true,
          targets: [{ url: `http://${shadow.address}:${PORT}` }],
          redact: { queryParams: ['email'], headers: ['server'], jsonFields: ['/items/*/name'] },
          compare: {},
        },
      },
    }),
  );
  const address = String(agent.log.find(({ msg }) => msg === 'the page is served')?.['address']);
  const kept = stack.move();
  return { app, agent, address, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Asks production again and again until it is told to stop. */
function traffic({ app }: AgentScene, path: (n: number) => string): AsyncDisposable {
  const end = new AbortController();
  const asking = (async () => {
    for (let n = 1; !end.signal.aborted; n++) {
      await (await fetch(`http://${app.address}:${PORT}${path(n)}`)).arrayBuffer();
      await sleep(20);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      end.abort();
      await asking;
    },
  };
}

describe.skipIf(!requireKernel())('the page of an agent', () => {
  it('shows production and its mirror beside each other as they answer, and nothing that the policy redacts', async () => {
    await using scene = await compared({ bodies: true });
    await using _ = traffic(scene, (n) => `/changed/${n % 50}?email=ann@example.org&order=/${n % 50}`);
    await using seen = await visit(browser, scene.address);
    const { page } = seen;
    const heard: string[] = [];
    page.on('response', (response) => {
      if (!response.url().includes('/exchanges')) void response.text().then((text) => heard.push(text), () => {});
    });
    await showTab(page, 'live');
    await expect.poll(() => page.locator('.row').count()).toBeGreaterThan(5);
    await page.keyboard.press('j');
    await page.locator('.sides').waitFor();
    const row = (await page.locator('.row').first().innerText()).replace(/\s+/g, ' ');
    expect(row).toMatch(/differs GET \/changed\/\d+\?order=\/\d+ 200/);
    const detail = await page.locator('.live-detail').innerText();
    expect(detail).toContain('body /price');
    expect(detail).toContain('mirrored 2xx');
    expect((await page.locator('.side-line').allInnerTexts()).map((line) => line.replace(/\s+/g, ' '))).toContain('server (redacted) (redacted)');
    const [price, newPrice] = await page.locator('.diff tr.differs td').allInnerTexts();
    expect(Number(/"price": (\d+)/.exec(newPrice!)![1])).toBe(Number(/"price": (\d+)/.exec(price!)![1]) + 1);
    expect(await page.locator('.diff').innerText()).not.toContain('"name"');
    await showTab(page, 'performance');
    expect(await page.locator('main').innerText()).toContain('/changed/{id}');
    await showTab(page, 'report');
    await expect.poll(() => page.locator('main').innerText(), { timeout: 20_000 }).toMatch(/GET \/changed\/\{id\}[^]*body \/price/);
    await showTab(page, 'overview');
    await page.locator('svg.flow').waitFor();
    expect(await page.locator('svg.flow').getAttribute('aria-label')).toMatch(/sent [\d,]+; answered copies [\d,]+/);
    for (const text of [...heard, await page.content()]) expect(text).not.toMatch(/ann@|shop-v\d|"name":"[ab]"/);
    expect(seen.complaints).toEqual([]);
  });

  it('shows no contents where the agent is not told to, and has a filter that reaches the workers', async () => {
    await using scene = await compared({});
    await using _ = traffic(scene, (n) => (n % 4 === 0 ? `/changed/${n % 50}` : `/same/${n % 50}`));
    await using seen = await visit(browser, scene.address);
    const { page } = seen;
    await showTab(page, 'live');
    await page.getByLabel('only different').check();
    await expect.poll(() => page.locator('.row').count()).toBeGreaterThan(3);
    for (const row of await page.locator('.row').allInnerTexts()) expect(row).toContain('/changed/');
    await page.keyboard.press('Escape');
    await page.locator('.row').first().click();
    expect(await page.locator('.live-detail').innerText()).toContain('Contents are not shown');
    expect(await page.locator('.diff').count()).toBe(0);
  });

  it('is not there where it is switched off', async () => {
    await using scene = await compared({ enabled: false });
    expect((await scene.agent.page('/')).status).toBe(404);
    expect((await scene.agent.page('/exchanges')).status).toBe(404);
    expect(scene.address).toBe('undefined');
  });
});
