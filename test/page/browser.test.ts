import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeInsight } from '../../src/insight.ts';
import type { LiveExchange } from '../../src/worker/live-exchange.ts';
import { PageScene } from './agent.ts';
import { launch, showTab, throughAllTabs, violations, visit } from './browser.ts';
import { exchangeAt, insightAt, reportAt, statsAt } from './figures.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe('the page in a browser', () => {
  it('shows every tab without a complaint of the console or of its own security policy, and asks nobody but the agent', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url);
    await throughAllTabs(seen.page, async (tab) => {
      expect(await seen.page.locator('main').innerText()).not.toBe('');
      expect(seen.page.url()).toBe(`${scene.url}#${tab}`);
    });
    expect(seen.complaints).toEqual([]);
    expect([...seen.origins]).toEqual([new URL(scene.url).origin]);
  });

  it('shows the numbers of the ledger and of the report as they are', async () => {
    await using scene = await PageScene.start({ stats: () => statsAt(1_000), report: () => reportAt(1_000) });
    await using seen = await visit(browser, scene.url);
    const flow = seen.page.locator('svg.flow');
    await flow.locator('.end.bad').waitFor();
    const text = (await flow.locator('text').allTextContents()).join('\n').replace(/\s+/g, ' ');
    for (const figure of ['97,006', '68,000', '37,000', '34,000', 'unmatched 20,000', 'not in the sample 31,000', 'shed 2,000', 'equal 17,500', 'noise only 12,000', 'different 500', 'not compared 2,000', 'no comparison wanted 1,000', 'not in the report yet 1,000']) {
      expect(text).toContain(figure);
    }
  });

  it.each(['light', 'dark'] as const)('breaks no rule of accessibility, with %s colours', async (colorScheme) => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url, { colorScheme, reducedMotion: 'reduce' });
    await throughAllTabs(seen.page, async (tab) => {
      expect(await violations(seen.page), tab).toEqual([]);
    });
    await showTab(seen.page, 'live');
    await seen.page.keyboard.press('j');
    await seen.page.locator('.sides').waitFor();
    expect(await violations(seen.page), 'an exchange').toEqual([]);
    await seen.page.keyboard.press('?');
    await seen.page.locator('dialog[open]').waitFor();
    expect(await violations(seen.page), 'help').toEqual([]);
  });

  it('breaks none on a narrow screen, nor where there is nothing to show, and is never wider than the screen', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url, { viewport: { width: 360, height: 740 } });
    await throughAllTabs(seen.page, async (tab) => {
      expect(await violations(seen.page), tab).toEqual([]);
      expect(await seen.page.evaluate(() => document.documentElement.scrollWidth), tab).toBe(360);
    });
    const quiet = { ...statsAt(0), sampleShares: [], endpoints: [], ledger: { seen: 0, open: 0, requests: [], copies: [] } };
    await using empty = await PageScene.start({ stats: () => quiet, report: () => ({ ...reportAt(1), policies: [] }), insight: () => mergeInsight([]), rate: 0 });
    await using nothing = await visit(browser, empty.url);
    for (const tab of ['overview', 'report', 'live', 'latency', 'performance', 'findings']) {
      await nothing.page.locator(`#tab-${tab}`).click();
      await expect.poll(() => nothing.page.locator('.empty-title').first().textContent()).toMatch(/^No|^Nothing/);
      expect(await violations(nothing.page), tab).toEqual([]);
    }
    expect(nothing.complaints).toEqual([]);
  });

  it('is used by the keyboard alone', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url);
    const { page } = seen;
    const { keyboard } = page;
    await page.locator('.tile').first().waitFor();
    await keyboard.press('3');
    await page.locator('.row').first().waitFor();
    await keyboard.press('j');
    await keyboard.press('ArrowDown');
    const second = await page.locator('.row').nth(1).innerText();
    await expect.poll(() => page.locator('.row[aria-pressed=true]').innerText()).toBe(second);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('row');
    expect(await page.locator('.exchange-title').innerText()).toContain(second.includes('/checkout') ? '/checkout' : '/orders/');
    await keyboard.press('k');
    const first = await page.locator('.row').first().innerText();
    await expect.poll(() => page.locator('.row[aria-pressed=true]').innerText()).toBe(first);
    await keyboard.press('Escape');
    await expect.poll(() => page.locator('.exchange-title').count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('row');
    await keyboard.press('p');
    await expect.poll(() => page.locator('.live-state').innerText()).not.toContain('Paused');
    await keyboard.press('Space');
    await expect.poll(() => page.locator('.live-state').innerText()).toContain('Paused');
    await keyboard.press('/');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('search');
    await keyboard.type('j?p 3');
    expect(await page.locator('#search').inputValue()).toBe('j?p 3');
    await keyboard.press('Escape');
    await keyboard.press('?');
    await expect.poll(() => page.locator('dialog[open]').innerText()).toContain('next and previous entry');
    await keyboard.press('Escape');
    await expect.poll(() => page.locator('dialog').count()).toBe(0);
    await keyboard.press('t');
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    await page.locator('#tab-live').focus();
    await keyboard.press('ArrowRight');
    await expect.poll(() => page.url()).toContain('#latency');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('tab-latency');
    expect(seen.complaints).toEqual([]);
  });

  it('keeps the colours that were chosen', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url, { colorScheme: 'light' });
    const paper = () => seen.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await seen.page.getByRole('button', { name: 'Theme: as the system' }).click();
    await expect.poll(paper).not.toBe(light);
    const dark = await paper();
    await seen.page.reload();
    await expect.poll(paper).toBe(dark);
  });

  it('pauses: nothing moves, and the workers have nothing more to do for it', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url);
    await showTab(seen.page, 'live');
    expect(scene.watchers.length).toBe(1);
    await seen.page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => scene.watchers.length).toBe(0);
    const rows = await seen.page.locator('.row').allInnerTexts();
    await seen.page.waitForTimeout(1_200);
    expect(await seen.page.locator('.row').allInnerTexts()).toEqual(rows);
    await seen.page.getByRole('button', { name: 'Go on' }).click();
    await expect.poll(() => seen.page.locator('.row').first().innerText()).not.toBe(rows[0]);
    await showTab(seen.page, 'report');
    await expect.poll(() => scene.watchers.length).toBe(0);
  });

  it('has the workers filter', async () => {
    await using scene = await PageScene.start();
    await using seen = await visit(browser, scene.url);
    const { page } = seen;
    await showTab(page, 'live');
    await page.getByLabel('only different').check();
    await page.getByLabel('method').selectOption('POST');
    await page.getByLabel('path has').fill('CHECK');
    await expect.poll(() => scene.watchers[0]?.filter).toEqual({ policy: '', template: '', method: 'POST', statusClass: 0, onlyDifferent: true, text: 'check' });
    await page.locator('.row').first().waitFor();
    for (const row of await page.locator('.row').allInnerTexts()) expect(row.replace(/\s+/g, ' ')).toMatch(/differs POST \/checkout/);
    await page.getByLabel('status').selectOption('5xx');
    await expect.poll(() => scene.watchers[0]?.filter.statusClass).toBe(5);
    await page.getByLabel('endpoint').selectOption('/orders/{id}');
    await expect.poll(() => page.locator('.empty-title').innerText()).toBe('Nothing yet');
  });

  it('shows both sides of an exchange with what differs, lines of JSON beside each other', async () => {
    await using scene = await PageScene.start({ exchange: () => exchangeAt(8) });
    await using seen = await visit(browser, scene.url);
    await showTab(seen.page, 'live');
    await seen.page.keyboard.press('j');
    const differing = (await seen.page.locator('.side-line.differs').allInnerTexts()).map((text) => text.replace(/\s+/g, ' '));
    expect(differing).toEqual(['status differs 200 500']);
    expect(await seen.page.locator('.diff tr.differs td').allInnerTexts()).toEqual(['      "price": 1299', '      "price": 12.99']);
    expect(await seen.page.locator('.change').first().innerText()).toMatch(/1299 → 12\.99/);
  });

  it('stays quick and small at 10,000 exchanges a second, and says how few of them it shows', async () => {
    await using scene = await PageScene.start({ rate: 10_000 });
    await using seen = await visit(browser, scene.url);
    const { page } = seen;
    await showTab(page, 'live');
    await page.waitForTimeout(3_000);
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    const longest = await page.evaluate(async () => {
      const end = performance.now() + 3_000;
      let longest = 0;
      let last = performance.now();
      while (last < end) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
      return longest;
    });
    expect(longest).toBeLessThan(500);
    expect(await page.locator('.row').count()).toBe(100);
    expect(await page.evaluate(() => document.querySelectorAll('*').length)).toBeLessThan(nodes + 200);
    const [, shown = '', all = ''] = /^([\d.,]+) of ([\d.,]+) a second are shown/.exec(await page.locator('.live-state').innerText()) ?? [];
    expect(Number(shown.replaceAll(',', ''))).toBeLessThan(70);
    expect(Number(all.replaceAll(',', ''))).toBeGreaterThan(5_000);
    expect(seen.complaints).toEqual([]);
  });

  it('takes what the traffic says for text, whatever it says', async () => {
    const evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'><svg onload=window.hacked=1>{{x}}${y}javascript:alert(1)';
    const soil = <T>(value: T): T => JSON.parse(JSON.stringify(value, (key, text: unknown) => (typeof text === 'string' && !KEPT.has(key) ? evil : text))) as T;
    const exchange = (n: number): LiveExchange => ({ ...soil(exchangeAt(n)), verdict: n % 2 === 0 ? 'different' : (evil as 'failed') });
    await using scene = await PageScene.start({ exchange, stats: (n) => soil(statsAt(n)), report: (n) => soil(reportAt(n)), insight: (n) => soil(insightAt(n)) });
    await using seen = await visit(browser, scene.url);
    await throughAllTabs(seen.page, async (tab) => {
      if (tab === 'live') {
        await seen.page.keyboard.press('j');
        await seen.page.locator('.sides').waitFor();
      }
      expect(await seen.page.locator('main').innerText(), tab).toContain('<img src=x onerror=');
      expect(await seen.page.evaluate(() => document.querySelectorAll('img, main script, iframe, [onerror], [onload]').length), tab).toBe(0);
    });
    expect(await seen.page.evaluate(() => 'hacked' in globalThis)).toBe(false);
    expect(seen.complaints).toEqual([]);
  });

  it('says that the agent is away, and goes on when it is back', async () => {
    const first = await PageScene.start();
    const { port, url } = first;
    await using seen = await visit(browser, url);
    await showTab(seen.page, 'live');
    await first[Symbol.asyncDispose]();
    await seen.page.getByRole('alert').waitFor();
    expect(await seen.page.getByRole('alert').innerText()).toContain('The agent does not answer');
    await using second = await PageScene.start({ port });
    await expect.poll(() => seen.page.getByRole('alert').count(), { timeout: 15_000 }).toBe(0);
    await expect.poll(() => second.watchers.length, { timeout: 15_000 }).toBe(1);
    const row = await seen.page.locator('.row').first().innerText();
    await expect.poll(() => seen.page.locator('.row').first().innerText(), { timeout: 15_000 }).not.toBe(row);
  });
});

/** Words that decide which figures are shown, not what is shown of them. */
const KEPT = new Set(['verdict', 'outcome', 'role', 'severity', 'hopFrom', 'at', 'since']);

describe('who may look', () => {
  it('is asked for the token, and not let in with another', async () => {
    await using scene = await PageScene.start({ token: 'the-token-of-the-page' });
    await using seen = await visit(browser, scene.url);
    const { page } = seen;
    expect(await violations(page)).toEqual([]);
    await page.getByLabel('Token').fill('another');
    await page.getByRole('button', { name: 'Log in' }).click();
    await expect.poll(() => page.getByRole('alert').innerText()).toBe('This is not the token.');
    await page.getByLabel('Token').fill('the-token-of-the-page');
    await page.keyboard.press('Enter');
    await page.locator('.tile').first().waitFor();
    await showTab(page, 'findings');
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect(JSON.stringify(await page.context().cookies())).not.toContain('the-token-of-the-page');
    await page.context().clearCookies();
    await page.locator('.notice').waitFor();
    expect(await page.locator('.notice').innerText()).toContain('Log in again');
  });

  it('is let in without scripts as well', async () => {
    await using scene = await PageScene.start({ token: 'the-token-of-the-page' });
    await using seen = await visit(browser, scene.url, { javaScriptEnabled: false });
    await seen.page.getByLabel('Token').fill('the-token-of-the-page');
    await seen.page.getByRole('button', { name: 'Log in' }).click();
    await expect.poll(() => seen.page.url()).toBe(scene.url);
    expect(await seen.page.title()).toBe('Shadowtap');
  });

  it('sees nothing under a name that somebody else has given to this machine', async () => {
    await using scene = await PageScene.start();
    const evil = await launchWith(`MAP rebound.example 127.0.0.1`);
    try {
      await using seen = await visit(evil, `http://rebound.example:${scene.port}/`);
      expect(await seen.page.locator('body').innerText()).toContain('you are not known to be allowed');
      const statuses = await seen.page.evaluate(() => Promise.all(['report', 'insight', 'exchanges'].map(async (path) => (await fetch(path)).status)));
      expect(statuses).toEqual([403, 403, 403]);
    } finally {
      await evil.close();
    }
  });

  it('is not found in the frame of another site', async () => {
    await using scene = await PageScene.start();
    await using other = await PageScene.start();
    await using seen = await visit(browser, other.url);
    const framed = await seen.page.evaluate(async (url) => {
      const frame = document.createElement('iframe');
      frame.src = url;
      document.body.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return frame.contentDocument === null || frame.contentDocument.body.childElementCount > 0;
    }, scene.url);
    expect(framed).toBe(true);
    expect(seen.page.frames().map((frame) => frame.url())).not.toContain(scene.url);
  });
});

async function launchWith(rules: string): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', `--host-resolver-rules=${rules}`] });
}
