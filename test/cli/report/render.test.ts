import { describe, expect, it } from 'vitest';
import { renderHtml } from '../../../src/cli/report/html.ts';
import { renderJunit } from '../../../src/cli/report/junit.ts';
import { renderText } from '../../../src/cli/report/text.ts';
import { change, duration, share } from '../../../src/cli/report/words.ts';
import { sampleReport } from './sample.ts';

const EMPTY = { version: '0.1.0', at: '2026-01-02T03:04:05.000Z', policies: [] };

describe('figures in reports', () => {
  it('keep two digits that say something', () => {
    expect([0, 0.000123, 0.01, 0.126, 0.999, 1].map(share)).toEqual(['0 %', '0.012 %', '1 %', '13 %', '99.9 %', '100 %']);
    expect([12, 1_500, 2_345_678].map(duration)).toEqual(['12 µs', '1.5 ms', '2.35 s']);
    expect(change({ estimate: -0.002, low: -0.01, high: 0 })).toBe('-0.2 % (-1 % to 0 %)');
  });
});

describe('a report as a table', () => {
  const text = renderText(sampleReport());

  it('says verdict, reasons and sums first, then endpoints, findings and noise', () => {
    expect(text).toMatch(/^shop\/checkout-next -> http:\/\/checkout-next\.shop\.svc: DIFFERS\n {2}GET \/orders\/\{id\} differs\n/);
    expect(text).toContain('1,803 compared since 2026-01-02T03:00:00.000Z: 1,503 equal, 288 but for noise, 12 different (1 %)');
    expect(text).toContain('not compared: 7 incomplete, 3 too-large');
    expect(text).toMatch(/GET \/orders\/\{id\} +│ differs +│ 1,200 +│ 12 \(1 %\) +│ 2 \| 14 +│ 950 µs \| 1\.5 ms +│ x 1\.31 \(1\.22-1\.40\)/);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(120);
    expect(text).toMatch(/body \/total \(field\) +│ 12 \(1 %\) +│ 1299 \| 12\.99/);
    expect(text.indexOf('What differs:')).toBeLessThan(text.indexOf('Taken for noise:'));
  });

  it('fits 120 columns, however long names and reasons are', () => {
    const [policy] = sampleReport().policies;
    const endpoints = policy!.endpoints.map((endpoint) => {
      const fields = endpoint.fields.map((field) => ({ ...field, where: `body ${'/attributes'.repeat(12)}`, because: 'a reason with many words '.repeat(9) }));
      return { ...endpoint, template: '/a-long-segment'.repeat(9), fields };
    });
    const lines = renderText({ ...EMPTY, policies: [{ ...policy!, endpoints }] }).split('\n').filter((line) => /^[│┌└├]/.test(line));
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const cells = lines.filter((line) => line.startsWith('│')).map((line) => line.split('│')[1]!.trim()).join('');
    expect(cells).toContain(`GET ${'/a-long-segment'.repeat(9)}`);
  });

  it('holds nothing that a terminal obeys', () => {
    expect(text).not.toContain('\u001b');
  });

  it('says what to do where nothing is compared', () => {
    expect(renderText(EMPTY)).toContain('`compare`');
  });
});

describe('a baseline', () => {
  const [policy] = sampleReport().policies;
  const baseline = { ...EMPTY, policies: [{ ...policy!, role: 'Baseline' as const }] };

  it('has no verdict, which would be taken for that of a mirror', () => {
    expect(renderText(baseline)).toMatch(/^shop\/checkout-next -> [^ ]+: baseline\n/);
    expect(renderHtml(baseline)).toContain('<span class="badge little">baseline</span></h2>');
  });

  it('fails no pipeline', () => {
    expect(renderJunit(baseline)).toMatch(/<testsuites tests="0" failures="0" errors="0" skipped="0"\s*\/>/);
  });
});

describe('a report as JUnit', () => {
  const xml = renderJunit(sampleReport());

  it('has a case for each endpoint: failed, passed or skipped', () => {
    expect(xml).toMatch(/<testsuite name="[^"]*" timestamp="[^"]*" tests="4" failures="2" errors="0" skipped="1"/);
    expect(xml).toContain('name="GET /orders/{id}"');
    expect(xml).toMatch(/<failure message="12 of 1,200 exchanges differ/);
  });

  it('stays XML whatever is in it, and begins anew each time', () => {
    expect(xml).not.toContain('<script>');
    expect(xml).not.toContain('\u001b');
    expect(renderJunit(sampleReport())).toBe(xml);
  });
});

describe('a report as a page', () => {
  const html = renderHtml(sampleReport());

  it('holds verdicts, findings with examples, and noise with reasons', () => {
    expect(html).toContain('<span class="badge differs">differs</span>');
    expect(html).toContain('<del>1299</del> <ins>12.99</ins>');
    expect(html).toContain('noise: production&#39;s own answers differ here in 40 of 40 repeats');
  });

  it('makes no markup of what came from the network, and fetches nothing', () => {
    expect(html).not.toContain('<script');
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(renderHtml(EMPTY)).toContain('No policy compares anything.');
  });
});
