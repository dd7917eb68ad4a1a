import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/cli/report/html.ts';
import { renderJunit } from '../../src/cli/report/junit.ts';
import type { Report } from '../../src/compare/report.ts';
import { sampleReport } from '../cli/report/sample.ts';
import { launch, violations, visit } from './browser.ts';

let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shadowtap-report-'));
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** What ends or breaks markup: of elements, attributes, comments, CDATA sections; and characters that XML does not know. */
const EVIL = `]]>--><script>alert(1)</script><img src="http://192.0.2.1/x" onerror='alert(1)'>&amp;&#0;&lt \u0000\u0008\u001b[2J\ud800\udc00\ud800 \ufffe\uffff"'\u2028`;

/** The sample with that in every text that traffic or another agent can make. */
function hostile(): Report {
  const { policies, ...rest } = sampleReport();
  const field = { where: EVIL, kind: 'field' as const, count: 1, share: 1, examples: [{ production: EVIL, mirror: EVIL }], undecided: false, because: EVIL };
  return {
    ...rest,
    policies: policies.map((policy) => ({
      ...policy,
      policy: EVIL,
      target: EVIL,
      reasons: [EVIL],
      endpoints: policy.endpoints.map((endpoint) => ({ ...endpoint, method: EVIL, template: EVIL, reasons: [EVIL], fields: [field], noise: [field] })),
    })),
  };
}

describe.each([['as it is', sampleReport], ['full of hostile texts', hostile]])('a report, %s,', (_, report) => {
  it('is a page that runs nothing, fetches nothing, and that everybody can read', async () => {
    const path = join(folder, 'report.html');
    writeFileSync(path, renderHtml(report()));
    for (const colorScheme of ['light', 'dark'] as const) {
      await using seen = await visit(browser, `file://${path}`, { colorScheme });
      expect(seen.complaints).toEqual([]);
      expect([...seen.origins]).toEqual(['null']);
      expect(await seen.page.locator('script, link, img, iframe, [src], [href], [onerror]').count()).toBe(0);
      expect(await seen.page.locator('section').count()).toBe(1);
      expect(await seen.page.locator('section > details').count()).toBe(3);
      expect(await violations(seen.page)).toEqual([]);
    }
  });

  it('is JUnit that a parser of XML takes, with a case for each endpoint', async () => {
    await using seen = await visit(browser, 'about:blank');
    const cases = await seen.page.evaluate((xml) => {
      const parsed = new DOMParser().parseFromString(xml, 'application/xml');
      const problem = parsed.querySelector('parsererror')?.textContent;
      if (problem !== undefined) throw new Error(problem);
      return [...parsed.querySelectorAll('testsuites > testsuite > testcase')].map(({ children }) => [...children].map(({ tagName }) => tagName).join(' '));
    }, renderJunit(report()));
    expect(cases).toEqual(['failure system-out', 'failure system-out', 'system-out', 'skipped system-out']);
  });
});
