/** Takes pictures of every tab, to look at: `node test/page/shots.ts FOLDER`. */
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { TABS } from '../../src/page/model.ts';
import { PageScene } from './agent.ts';

const folder = process.argv[2] ?? 'page-shots';
mkdirSync(folder, { recursive: true });
await using scene = await PageScene.start();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, width, colorScheme] of [['light', 1280, 'light'], ['dark', 1280, 'dark'], ['narrow', 360, 'light']] as const) {
  const page = await browser.newPage({ viewport: { width, height: 860 }, colorScheme });
  page.on('console', (message) => console.log(name, message.type(), message.text()));
  page.on('pageerror', (error) => console.log(name, 'error', error.message));
  for (const tab of TABS) {
    await page.goto(`${scene.url}#${tab}`);
    await page.waitForTimeout(tab === 'live' ? 2_500 : tab === 'latency' ? 7_000 : 3_500);
    if (tab === 'live') await page.screenshot({ path: `${folder}/${name}-live-list.png` });
    if (tab === 'live') for (const key of ['j', 'j', 'j']) await page.keyboard.press(key);
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${folder}/${name}-${tab}.png`, fullPage: true });
  }
  await page.close();
}
await browser.close();
